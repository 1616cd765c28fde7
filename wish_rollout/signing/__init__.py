"""SSH signatures: made with the approvers' own keys, and verified without an external program (decision 0002)."""
