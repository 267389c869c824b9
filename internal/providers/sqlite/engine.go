package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime/debug"

	"modernc.org/sqlite"
)

const modulePath = "modernc.org/sqlite"

// settings are those of every connection. Nobody else uses the files, and they
// are thrown away after a crash: locks are kept and nothing is synced.
var settings = url.Values{
	"_defensive": {"1"},
	"_pragma": {
		"cell_size_check(1)", "locking_mode(exclusive)", "mmap_size(0)",
		"synchronous(off)", "temp_store(memory)", "trusted_schema(0)",
	},
}

// address is the URI of a database. Any bytes of the name are data. What is only
// read is in a version, so that nobody changes it and nothing is put beside it.
func address(file, mode string) string {
	query := url.Values{"mode": {mode}}
	if mode == readOnly {
		query.Set("immutable", "1")
	}
	for key, values := range settings {
		query[key] = values
	}
	return (&url.URL{Scheme: "file", Path: file, RawQuery: query.Encode()}).String()
}

// The ways to open an existing database: opening it writable replays its log or
// undoes its journal.
const (
	writable = "rw"
	readOnly = "ro"
)

// use runs work with the one connection to an existing database. No part of it
// stays open.
func use(ctx context.Context, file, mode string, work func(*sql.Conn) error) error {
	db, err := sql.Open("sqlite", address(file, mode))
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	db.SetMaxOpenConns(1)
	connection, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open database: %w", cmp.Or(err, db.Close()))
	}
	return cmp.Or(work(connection), connection.Close(), db.Close())
}

// backupPages is how many pages are copied between two looks at the context.
const backupPages = 1000

// backUp copies a database to a new file by SQLite's backup interface.
func backUp(ctx context.Context, connection *sql.Conn, to string) error {
	return connection.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return fmt.Errorf("back up database: %T cannot", driver)
		}
		backup, err := source.NewBackup(address(to, "rwc"))
		if err != nil {
			return fmt.Errorf("begin backup: %w", err)
		}
		for more := true; more && err == nil; {
			if err = stopped(ctx); err == nil {
				more, err = backup.Step(backupPages)
			}
		}
		if finished := backup.Finish(); err == nil {
			err = finished
		}
		if err != nil {
			return fmt.Errorf("back up database: %w", err)
		}
		return nil
	})
}

// pageBytes is the size of a database by its own account.
func pageBytes(ctx context.Context, connection *sql.Conn) (int64, error) {
	var count, size int64
	err := connection.QueryRowContext(ctx, "PRAGMA page_count").Scan(&count)
	if err == nil {
		err = connection.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size)
	}
	if err != nil {
		return 0, fmt.Errorf("read size of database: %w", err)
	}
	return count * size, nil
}

// versions are those of SQLite and of its translation to Go.
func versions(ctx context.Context) (map[string]string, error) {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, fmt.Errorf("ask version of SQLite: %w", err)
	}
	var version string
	err = db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	if err := cmp.Or(err, db.Close()); err != nil {
		return nil, fmt.Errorf("ask version of SQLite: %w", err)
	}
	tools := map[string]string{"sqlite": version}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == modulePath {
				tools[modulePath] = m.Version
			}
		}
	}
	return tools, nil
}
