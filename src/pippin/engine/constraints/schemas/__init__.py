"""JSON Schema, made into a form that the grammar engine enforces exactly.

A schema is first brought into *forms*: for each type of JSON value a union of branches, in which
everything that a value of that type has to satisfy stands together. ``document`` reads and finds
references, ``expansion`` applies the keywords and their negations, ``branches`` and its neighbours
merge what has to hold at once, and ``writer`` writes the plain schema that is left.
"""
