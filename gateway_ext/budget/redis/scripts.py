"""What is done in Redis, each at once and undivided. Redis is asked and told, and decides nothing about the ledger.

A lease is a hash of `left`, what may still be granted, `until`, when it ends to be usable (milliseconds since 1970), and
`pending`, how many requests were granted from it and are not yet in the ledger of record. A slice names the lease in use.

All keys begin with the id of the server's own life (`run_id`): what a replica took over, a restart loaded or a backup restored
may be older than what was granted since, so nobody looks at it again. Numbers are below 2^53: Lua's are doubles.
"""

from __future__ import annotations

_KEYS = """
local life = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local function slice_key(name) return 'gateway:' .. life .. ':slice:' .. name end
local function lease_key(id) return 'gateway:' .. life .. ':lease:' .. id end
"""

# Arguments: slice, amount, now. The lease, what is left of it, and whether the amount was taken; nil: there is none to take from.
TAKE = f"""{_KEYS}
local id = redis.call('GET', slice_key(ARGV[1]))
if not id then return false end
local lease = redis.call('HMGET', lease_key(id), 'left', 'until')
if not lease[1] or tonumber(lease[2]) <= tonumber(ARGV[3]) then return false end
if tonumber(lease[1]) < tonumber(ARGV[2]) then return {{id, tonumber(lease[1]), 0}} end
redis.call('HINCRBY', lease_key(id), 'pending', 1)
return {{id, redis.call('HINCRBY', lease_key(id), 'left', '-' .. ARGV[2]), 1}}
"""

# Arguments: slice, lease, left, until, milliseconds to keep.
USE = f"""{_KEYS}
redis.call('HSET', lease_key(ARGV[2]), 'left', ARGV[3], 'until', ARGV[4], 'pending', 0)
redis.call('PEXPIRE', lease_key(ARGV[2]), ARGV[5])
redis.call('SET', slice_key(ARGV[1]), ARGV[2], 'PX', ARGV[5])
"""

# Arguments: lease, how many were written, and so on.
WRITTEN = f"""{_KEYS}
for at = 1, #ARGV, 2 do
  if redis.call('EXISTS', lease_key(ARGV[at])) == 1 then
    redis.call('HINCRBY', lease_key(ARGV[at]), 'pending', '-' .. ARGV[at + 1])
  end
end
"""

# Arguments: slice, lease. Nothing is granted from it any more. How many are pending, or nil when Redis knows nothing of it.
CLOSE = f"""{_KEYS}
if redis.call('GET', slice_key(ARGV[1])) == ARGV[2] then redis.call('DEL', slice_key(ARGV[1])) end
local pending = redis.call('HGET', lease_key(ARGV[2]), 'pending')
if pending == '0' then redis.call('DEL', lease_key(ARGV[2])) end
return pending
"""
