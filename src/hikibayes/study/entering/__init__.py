"""From the tables of a paper to a study file: cells, headings, grids, layouts, draft."""
