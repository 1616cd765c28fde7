"""The rules that find hazards in a revision: one module for a kind of hazard or a subject, with its texts."""
