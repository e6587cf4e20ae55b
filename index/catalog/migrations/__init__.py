"""How a catalog of an older version becomes one of this version. Table `index_version` says where it stands."""
