//go:build wasip1

// Command pgx manages the rows of one table of PostgreSQL with pgx as it is: the
// library knows nothing of a sandbox, and dials through sdk/tcp. Passwords, TLS,
// the pool, transactions and COPY are its own. It proves that package; it is no
// provider for use.
package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cogplan/cogplan/pkg/reconcile"
	"github.com/cogplan/cogplan/runtime/wasm/abi"
	"github.com/cogplan/cogplan/sdk"
	"github.com/cogplan/cogplan/sdk/tcp"
)

func init() {
	sdk.ServeObjects(reconcile.Description{
		Name: "pgx", Version: "0.0.1",
		Capabilities: []reconcile.Capability{{Kind: "tcp", Reason: "the database whose rows it manages"}},
		Schema: reconcile.Schema{
			Version: 1,
			Resource: reconcile.Block{Attributes: []reconcile.Attribute{
				{Name: "url", Type: sdk.TypeString, Required: true, Doc: "postgres://user@host:port/database?sslmode=..."},
				{Name: "password", Type: sdk.TypeString, Optional: true, Sensitive: true},
				{Name: "ca", Type: sdk.TypeString, Optional: true, Doc: "The certificates, in PEM, that the server's must come from."},
				{Name: "table", Type: sdk.TypeString, Required: true},
				{Name: "rows", Type: sdk.MapOf(sdk.TypeString), Optional: true},
				{Name: "slow", Type: sdk.TypeString, Optional: true, Doc: "A query that is given up after three seconds, while reading."},
				{Name: "hostile", Type: sdk.TypeString, Optional: true, Doc: "A statement that is tried while reading."},
			}},
			Objects: []reconcile.ObjectType{{Name: "row", Attributes: []reconcile.ObjectAttribute{{Name: "value"}}}},
		},
	}, open)
}

func main() {}

type rows struct {
	config        *pgxpool.Config
	table         pgx.Identifier
	want          map[string]string
	slow, hostile string
}

func open(_ context.Context, s *sdk.Session) (*rows, error) {
	b := s.Body()
	r := &rows{table: pgx.Identifier{b.String("table")}, want: b.Map("rows"), slow: b.String("slow"), hostile: b.String("hostile")}
	config, err := pgxpool.ParseConfig(b.String("url"))
	if err = errors.Join(err, b.Err()); err != nil {
		return nil, err
	}
	config.ConnConfig.DialFunc, config.ConnConfig.LookupFunc = tcp.Dialer{}.DialContext, tcp.LookupHost
	if password := b.String("password"); password != "" {
		config.ConnConfig.Password = password
	}
	if ca := b.String("ca"); ca != "" && config.ConnConfig.TLSConfig != nil {
		config.ConnConfig.TLSConfig.RootCAs = x509.NewCertPool()
		config.ConnConfig.TLSConfig.RootCAs.AppendCertsFromPEM([]byte(ca))
	}
	r.config = config
	return r, nil
}

func (r *rows) Desired(context.Context) ([]reconcile.Resource, error) {
	var out []reconcile.Resource
	for _, key := range slices.Sorted(maps.Keys(r.want)) {
		out = append(out, sdk.Object("row", key, map[string]any{"value": r.want[key]}))
	}
	return out, nil
}

// Live reads the table by halves at the same time, over a pool of connections.
func (r *rows) Live(ctx context.Context, _ sdk.Query) ([]reconcile.Resource, error) {
	pool, err := pgxpool.NewWithConfig(ctx, r.config)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	if err := r.misbehave(ctx, pool); err != nil {
		return nil, err
	}
	var out [2][]reconcile.Resource
	var errs [2]error
	var all sync.WaitGroup
	for half := range out {
		all.Go(func() { out[half], errs[half] = r.half(ctx, pool, half) })
	}
	all.Wait()
	return append(out[0], out[1]...), errors.Join(errs[:]...)
}

func (r *rows) half(ctx context.Context, pool *pgxpool.Pool, half int) (out []reconcile.Resource, err error) {
	err = pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, err := tx.Query(ctx, "SELECT key, value FROM "+r.table.Sanitize()+" WHERE length(key) % 2 = $1 ORDER BY key", half)
		if err != nil {
			return err
		}
		var key, value string
		_, err = pgx.ForEachRow(found, []any{&key, &value}, func() error {
			out = append(out, sdk.Unmanaged("row", key, "it is in the table", map[string]any{"value": value}))
			return nil
		})
		return err
	})
	return out, err
}

func (r *rows) misbehave(ctx context.Context, pool *pgxpool.Pool) error {
	if r.slow != "" {
		late, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		_, err := pool.Exec(late, r.slow)
		sdk.Log(abi.LogWarn, fmt.Sprintf("slow: given up %t, %t", pgconn.Timeout(err), errors.Is(err, context.DeadlineExceeded)))
	}
	if r.hostile != "" {
		_, err := pool.Exec(ctx, r.hostile)
		sdk.Log(abi.LogWarn, fmt.Sprintf("hostile: %v", err))
	}
	return nil
}

func (r *rows) Effects(context.Context, sdk.Change) ([]reconcile.Effect, error) {
	c := r.config.ConnConfig
	return []reconcile.Effect{{
		Capability: reconcile.CapabilityTCP, Operation: "connect", Target: fmt.Sprintf("%s:%d", c.Host, c.Port),
	}}, nil
}

// with makes a connection for one action: none outlives it.
func (r *rows) with(ctx context.Context, do func(*pgx.Conn) error) error {
	conn, err := pgx.ConnectConfig(ctx, r.config.ConnConfig.Copy())
	if err != nil {
		return err
	}
	return errors.Join(do(conn), conn.Close(ctx))
}

func value(c sdk.Change) string {
	text, _ := c.Desired.Attributes["value"].(string)
	return text
}

func (r *rows) Create(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{ID: c.Name}, r.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.CopyFrom(ctx, r.table, []string{"key", "value"}, pgx.CopyFromRows([][]any{{c.Name, value(c)}}))
		return err
	})
}

func (r *rows) Update(ctx context.Context, c sdk.Change) (sdk.Applied, error) {
	return sdk.Applied{}, r.with(ctx, func(conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE "+r.table.Sanitize()+" SET value = $2 WHERE key = $1", c.Name, value(c))
			return err
		})
	})
}

func (r *rows) Delete(ctx context.Context, c sdk.Change) error {
	return r.with(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "DELETE FROM "+r.table.Sanitize()+" WHERE key = $1", c.Name)
		return err
	})
}
