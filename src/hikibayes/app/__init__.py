"""The planner in the browser: it wires `hikibayes.planning.planner` to a page (extra ``app``)."""
