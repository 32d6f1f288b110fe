"""The planner's page: controls on one side, the curves and what they come to on the other. Everything stays local."""

from __future__ import annotations

import asyncio
import io
import re
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure as Canvas
from shiny import App, Inputs, Outputs, Session, reactive, render, run_app, ui

from ..apa import bounded, probability
from ..planning.planner import ASSURANCE, RULES, Answers, Planner, Settings
from ..planning.results.preregistration import document, preregistration
from ..planning.results.sample_size import between_sizes
from ..reporting.drawing import FAINT, FOCAL, INK, LINES, MARKS, REFERENCE, STYLE
from ..spec import InputError
from ..study.wording import estimand_name

HOST = "127.0.0.1"
SIZE, RATIO = "Participants in the smaller group", "Ratio of the groups, in their order"
DROPOUT, WIDTH = "Share that drops out", "SD of the analysis' prior of the effect, around 0"
REST = 0.7
"""Seconds without a move after which the numbers are refined."""
NAMED = {"n_per_group": SIZE, "allocation": RATIO, "attrition": DROPOUT, "prior": WIDTH}
"""What the controls are called, by what the keys of a simulation file have in them."""
CSS = """
.curves svg {width: min(100%, 38rem); height: auto} .why summary {cursor: pointer}
table.answers {width: 100%; max-width: 46rem} .answers th {font-weight: 400; text-align: left; vertical-align: top}
.answers td, .answers th {padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #d5d9de}
.answers td {font-weight: 600; min-width: 9rem} .why {font-size: .875rem; font-weight: 400; color: #495057}
.takeaway .btn {margin: 0 .5rem .5rem 0}
.bslib-sidebar-resize-handle {display: none} /* a screen reader is not told its value */
#busy {position: fixed; top: .5rem; right: 1rem; padding: .1rem .6rem; background: #22262b; color: #fff;
  border-radius: 4px; visibility: hidden; z-index: 10}
.shiny-busy #busy {visibility: visible}
"""


def page(planner: Planner) -> ui.Tag:
    """Return the page of a planner, its controls at the plan's own settings."""
    return ui.page_sidebar(
        ui.sidebar(
            *_controls(planner, planner.defaults),
            title="What you can move",
            width=320,
            open={"desktop": "open", "mobile": "always"},
        ),
        ui.tags.style(CSS),
        ui.output_ui("problem", **{"role": "alert"}),
        ui.div("computing …", id="busy", **{"aria-hidden": "true"}),
        ui.output_ui("curves", class_="curves"),
        ui.output_ui("numbers"),
        ui.div(
            ui.download_button("simulation", "Simulation file"),
            ui.download_button("preregistration", "Preregistration table"),
            class_="takeaway mt-3",
        ),
        ui.p(
            "The simulation file names these numbers, refined, and runs to them by ",
            ui.tags.code("hikibayes power simulation.toml"), ": 10,000 simulated studies of each size.",
        ),
        *(ui.p(ui.tags.small(f"Note: {remark}.")) for remark in planner.remarks),
        title=ui.tags.header(
            ui.h1(
                "Planner" if planner.is_written else f"Planner: {planner.simulation.description}",
                class_="bslib-page-title navbar-brand",
            )
        ),
        window_title="hikibayes planner",
        lang="en",
        fillable=False,
    )  # fmt: skip


def _controls(planner: Planner, own: Settings) -> Iterator[ui.TagChild]:
    """Yield the controls; what can be left to the model or the study has a switch beside its slider."""
    about = estimand_name(planner.study.read(), planner.main)
    effect = own.effect if own.effect is not None else round(planner.centre, 2)
    # the steps of a slider start at its lower end
    reach = max(1.0, round(2 * abs(effect), 1))
    groups = len(own.allocation.split(":"))
    yield ui.input_slider("n", SIZE, 10, 1000, min(max(own.n, 10), 1000), step=1)
    if groups > 1:
        yield ui.input_text("allocation", RATIO, own.allocation)
    if not planner.is_written:
        yield ui.input_switch(
            "states_effect", "State the effect instead of leaving it to the study", own.effect is not None
        )
    stated = [
        ui.input_slider("effect", f"True effect, {about[0].lower()}{about[1:]}", -reach, reach, effect, step=0.01),
        ui.input_slider(
            "uncertainty", "How uncertain it is (SD)", 0, max(0.5, own.uncertainty), own.uncertainty, step=0.01
        ),
    ]
    yield from stated if planner.is_written else [ui.panel_conditional("input.states_effect", *stated)]
    yield ui.input_slider("tau", "How much such studies differ (τ)", 0, 0.5, own.tau or 0, step=0.01)
    yield ui.input_slider("dropout", DROPOUT, 0, 0.6, own.dropout, step=0.01)
    score = planner.study.measure(planner.measured).label
    yield ui.input_switch("states_reliability", f"State how reliable this is: {score}", value=False)
    yield ui.panel_conditional(
        "input.states_reliability", ui.input_slider("reliability", "Reliability", 0.3, 1, 0.8, step=0.01)
    )
    yield ui.input_switch("states_width", "State the prior's width", value=False)
    yield ui.panel_conditional(
        "input.states_width",
        ui.input_slider("prior_width", WIDTH, 0.02, 2, 0.5, step=0.01),
    )
    rules = {name: words for name, (words, _) in RULES.items() if planner.rule_given or name != "plan"}
    yield ui.input_select("rule", "The study concludes if the posterior has", rules, selected=own.rule)
    yield ui.input_slider("target", "Probability to be reached", 0.5, 0.99, own.target, step=0.01)


def settings_of(planner: Planner, own: Settings, given: Any) -> Settings:
    """Return what the controls say; `given` has a value by the name of each that is there."""
    stated = planner.is_written or given("states_effect")
    return Settings(
        n=int(given("n")),
        allocation=given("allocation").strip() if ":" in own.allocation else own.allocation,
        effect=given("effect") if stated else None,
        uncertainty=given("uncertainty") if stated else 0.0,
        tau=own.tau if own.tau is None and not given("tau") else given("tau"),
        prior_width=given("prior_width") if given("states_width") else None,
        reliability=given("reliability") if given("states_reliability") else None,
        dropout=given("dropout"),
        rule=given("rule"),
        target=given("target"),
    )


def app(planner: Planner) -> App:
    """Return the planner as an application.

    Parameters
    ----------
    planner : Planner
        What is planned, and from what.
    """
    own = planner.defaults
    first = planner.sketch(own)

    def server(input: Inputs, output: Outputs, session: Session) -> None:  # noqa: A002
        answers: reactive.Value[tuple[Settings, Answers]] = reactive.Value((own, first))
        problem: reactive.Value[str] = reactive.Value("")
        resting: list[Settings] = []

        @reactive.calc
        def settings() -> Settings:
            return settings_of(planner, own, lambda name: input[name]())

        @reactive.effect
        def _follow() -> None:
            """Sketch at once; keep the last picture where the settings are impossible."""
            try:
                answers.set((settings(), planner.sketch(settings())))
                problem.set("")
            except InputError as error:
                problem.set(in_words(error))

        @reactive.extended_task
        async def refine(asked: Settings) -> tuple[Settings, Answers | None]:
            try:
                return asked, await asyncio.to_thread(planner.refined, asked)
            except InputError:  # the sketch has said it
                return asked, None

        @reactive.effect
        def _rest() -> None:
            asked = settings()
            if resting[-1:] != [asked]:
                resting[:] = [asked]
                reactive.invalidate_later(REST)
                return
            refine(asked)

        @reactive.effect
        def _refined() -> None:
            asked, made = refine.result()
            with reactive.isolate():
                if made and asked == settings():
                    answers.set((asked, made))

        async def rested() -> Answers:
            """Return what is shown, refined: what is taken away are the numbers of its own file."""
            asked, made = answers()
            return made if made.refined else await asyncio.to_thread(planner.refined, asked)

        @output(id="problem")
        @render.ui
        def _problem() -> ui.Tag | None:
            kept = " Picture, numbers and files are still those of the last settings that are possible."
            return ui.div(problem(), kept, class_="alert alert-danger") if problem() else None

        @render.ui
        def curves() -> ui.Tag:
            return ui.HTML(drawn(*answers()))

        @render.ui
        def numbers() -> ui.Tag:
            return table(answers()[1])

        @render.download_button(filename="simulation.toml")
        async def simulation() -> AsyncIterator[str]:
            yield (await rested()).plan_text

        @output(id="preregistration")
        @render.download_button(filename="preregistration.html")
        async def _preregistration() -> AsyncIterator[str]:
            yield document(preregistration((await rested()).diagnosis))

    return App(page(planner), server)


def in_words(error: InputError) -> str:
    """Return why settings are impossible, by what the control is called and without the cell of a grid."""
    text = str(error).removeprefix("the planner: ").removeprefix(f"{error.key}: ")
    text, key = re.sub(r" \(in the cell .*\)$", "", text), error.key or ""
    return next((f"{name}: {text}" for part, name in NAMED.items() if part in key), f"{text[:1].upper()}{text[1:]}.")


def table(answers: Answers) -> ui.Tag:
    """Return the numbers, each with its reason folded beside it."""
    rows = [
        ui.tags.tr(
            ui.tags.th(figure.name, scope="row"),
            ui.tags.td(figure.shown, ui.tags.details(ui.tags.summary("why"), figure.why, class_="why")),
        )
        for figure in answers.figures
    ]
    state = "refined" if answers.refined else "a first sketch, to be refined as soon as the controls rest"
    return ui.div(
        ui.tags.table(*rows, class_="answers"), ui.p(ui.tags.small(f"These numbers are {state}."), id="state")
    )


def drawn(settings: Settings, answers: Answers) -> str:
    """Return the curves as SVG, described in a sentence for those who do not see it."""
    with mpl.rc_context(STYLE):
        figure = Canvas(figsize=(4.6, 3))
        figure.set_layout_engine("none")  # to find one takes longer than to draw
        ax = figure.add_axes((0.12, 0.16, 0.86, 0.81))
        curves = answers.curves
        for name, colour in ((ASSURANCE, FOCAL), ("power", REFERENCE)):
            own = curves[curves["curve"] == name]
            if len(own):
                _curve(ax, own, name, colour)
        ax.axhline(settings.target, color=FAINT, lw=0.8)
        ax.axvline(settings.n, color=INK, lw=0.8, ls=":")
        ax.set(xscale="log", ylim=(0, 1), xlabel="participants in the smaller group", ylabel="P(conclusion)")
        ax.set_xticks(ticks := [20, 50, 100, 200, 500, 1000], labels=list(map(str, ticks)))
        ax.minorticks_off()
        ax.set_yticks(ys := [0, 0.2, 0.4, 0.6, 0.8, 1], labels=[bounded(y, 1) if 0 < y < 1 else f"{y:.0f}" for y in ys])
        ax.legend(loc="lower right", frameon=False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    shares = ", ".join(
        f"{name} {probability(float(share))}"
        for name, share in curves.loc[curves["n_per_group"] == settings.n, ["curve", "share"]].itertuples(index=False)
    )
    words = f"Probability of the conclusion against the size of the smaller group; with {settings.n}: {shares}."
    svg = file.getvalue()
    return svg[svg.index("<svg") :].replace("<svg ", f'<svg role="img" aria-label="{words}" ', 1)


def _curve(ax: Any, own: Any, name: str, colour: str) -> None:
    n, share, error = (own[part].to_numpy(dtype=float) for part in ("n_per_group", "share", "error"))
    fine = np.geomspace(n[0], n[-1], 100)
    low, middle, high = (between_sizes(n, share + shift * error, fine) for shift in (-1.96, 0, 1.96))
    ax.fill_between(fine, low, high, color=colour, alpha=0.2, lw=0)
    ax.plot(fine, middle, color=colour, ls=LINES[colour], lw=1.8, label=name)
    ax.plot(n, share, MARKS[colour], color=colour, ms=4, mew=0)


def serve(planner: Planner, *, port: int = 0, launch: bool = True) -> None:
    """Show the planner in the browser until it is interrupted.

    Raises
    ------
    InputError
        The port is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise InputError(
                f"port {port} cannot be had ({error.strerror}); another number is accepted, or 0 for any that is free",
                source="--port",
            ) from None
        port = probe.getsockname()[1]
    run_app(app(planner), host=HOST, port=port, launch_browser=launch, log_level="warning")
