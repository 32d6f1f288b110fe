"""What a chain does depends on its own number, not on which chain begins first."""

from hikibayes.reconstruction.posterior.sampling import Effort, _seeds_of_chains


def test_chains_ask_for_their_starts_with_seeds_of_their_own():
    four = _seeds_of_chains(4, seed=7)
    assert four == _seeds_of_chains(4, seed=7)
    assert len(set(four)) == 4
    assert set(four).isdisjoint(_seeds_of_chains(4, seed=8))
    # a chain's seed is its own: more chains leave it as it was
    assert _seeds_of_chains(6, seed=7)[:4] == four


def test_greater_effort_adapts_longer_and_goes_further():
    greater = Effort(draws=100, tune=50).greater
    assert (greater.draws, greater.tune, greater.max_depth) == (100, 100, 10)
