"""Everything that reads what strangers send, fed with damaged and invented input until somebody stops it."""
