"""PostgreSQL and Valkey from wheels, started, watched and stopped by OPTIX itself.

    program ──flock(users.lock, shared)──┐
    program ──flock(users.lock, shared)──┤
                                         ▼
                       keeper (one per store, own session) ──▶ postgres | valkey-server

`stores.py` is the public face. Every program that uses a store holds a shared lock; the keeper
starts the server, restarts it when it dies, and stops it when nobody holds the lock any more,
however the programs ended. `keeper.py`, `postgresql.py`, `valkey.py` and `privilege.py` run inside
the keeper, a bare interpreter: they import the standard library only, and as little of it as will
do, because the keeper stays in memory.
"""
