#!/bin/sh
# Runs once, when the data folder is made. Gives the services a login that can do what sagwan_service may and no more;
# the owner's login stays with the migrations.
set -eu
psql --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password SAGWAN_APP_PASSWORD
CREATE ROLE sagwan_service NOLOGIN NOSUPERUSER NOBYPASSRLS;
CREATE ROLE sagwan_app LOGIN PASSWORD :'password' IN ROLE sagwan_service;
SQL
