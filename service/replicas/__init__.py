"""Several servers over one catalog: notices, following, what happens when it is away."""
