"""From neighbours to demonstrations: filter, exclude, balance, diversify, order; each a small pure function."""
