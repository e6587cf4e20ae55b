"""Every method of the SDK as a flow, written once for `Client` and `AsyncClient`. One file for each resource."""
