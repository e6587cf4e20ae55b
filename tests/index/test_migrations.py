"""Migrations and tables agree, from nothing and back."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from index.catalog.engine import Catalog, configuration, migrate
from index.catalog.tables import metadata
from invariantselect.errors import CatalogUnavailableError


def test_migrated_tables_are_the_declared_ones(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'c.sqlite3'}")
    with catalog.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "index_version"})
        assert compare_metadata(context, metadata) == []
    catalog.close()


def test_every_migration_can_be_undone(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'c.sqlite3'}")
    with engine.begin() as connection:
        migrate(connection)
    with engine.connect() as connection:
        assert set(metadata.tables) < set(inspect(connection).get_table_names())
    with engine.begin() as connection:
        command.downgrade(configuration(connection), "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["index_version"]
    engine.dispose()


def test_a_catalog_of_a_newer_version_is_refused_and_left_alone(tmp_path):
    url = f"sqlite:///{tmp_path / 'c.sqlite3'}"
    catalog = Catalog(url)
    with catalog.writing() as connection:
        connection.exec_driver_sql("UPDATE index_version SET version_num = '9999'")
    catalog.close()
    with pytest.raises(CatalogUnavailableError, match="another version") as caught:
        Catalog(url)
    assert "Upgrade" in caught.value.hint


def test_a_connection_is_set_up_for_durability_and_references(tmp_path):
    catalog = Catalog(f"sqlite:///{tmp_path / 'c.sqlite3'}")
    with catalog.reading() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}
    catalog.close()


def test_the_tables_can_be_made_in_postgresql():
    statements = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    statements += [
        str(CreateIndex(index).compile(dialect=postgresql.dialect()))
        for table in metadata.sorted_tables
        for index in table.indexes
    ]
    assert 'id VARCHAR(512) COLLATE "C" NOT NULL' in " ".join(statements)
    assert "vector BYTEA NOT NULL" in " ".join(statements)
