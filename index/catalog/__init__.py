"""The truth about pools and demonstrations, in SQL: tables, migrations, and every statement that is run on them."""
