"""How the service's own tables of an older version become those of this one. Table `service_version` says where."""
