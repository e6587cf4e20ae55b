"""Migrations and tables agree, from nothing and back."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from index.catalog.engine import configuration, migrate
from index.catalog.tables import metadata
from invariantselect.errors import CatalogUnavailableError
from tests.catalogs import catalog_in

pytestmark = pytest.mark.usefixtures("database")


def test_migrated_tables_are_the_declared_ones(tmp_path):
    catalog = catalog_in(tmp_path)
    with catalog.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "index_version"})
        assert compare_metadata(context, metadata) == []
    catalog.close()


def test_every_migration_can_be_undone(tmp_path):
    catalog = catalog_in(tmp_path)
    with catalog.reading() as connection:
        assert set(metadata.tables) < set(inspect(connection).get_table_names())
    with catalog.migrating() as connection:
        command.downgrade(configuration(connection), "base")
    with catalog.migrating() as connection:
        assert inspect(connection).get_table_names() == ["index_version"]
        migrate(connection)
    assert len(catalog.identity()) == 32
    catalog.close()


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    catalog = catalog_in(tmp_path)
    with catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE index_version SET version_num = '9999'")
    catalog.close()
    with pytest.raises(CatalogUnavailableError, match="another version") as caught:
        catalog_in(tmp_path)
    assert "Upgrade" in caught.value.hint
