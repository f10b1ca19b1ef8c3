-- A node says that it is there, and what it says of itself. Those that were silent for long are forgotten.
-- KEYS[1] base of the control port
-- ARGV node, service, status, ms after which a silent node is forgotten, most nodes
-- Reply: 1; 0 when there are as many nodes as may be.
local FORGOTTEN_PER_CALL = 100
local base, node, service, status = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local forget, most = tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen, services, statuses = base .. 'seen', base .. 'services', base .. 'statuses'

for _, old in ipairs(redis.call('ZRANGEBYSCORE', seen, '-inf', now - forget, 'LIMIT', 0, FORGOTTEN_PER_CALL)) do
  redis.call('ZREM', seen, old)
  redis.call('HDEL', services, old)
  redis.call('HDEL', statuses, old)
end
if not redis.call('ZSCORE', seen, node) and redis.call('ZCARD', seen) >= most then return 0 end
redis.call('ZADD', seen, now, node)
redis.call('HSET', services, node, service)
redis.call('HSET', statuses, node, status)
for _, key in ipairs({ seen, services, statuses }) do redis.call('PEXPIRE', key, forget) end
return 1
