-- After the database commit: acknowledges entries, tells the gateways that asked, and trims the log below the oldest entry that
-- is not acknowledged.
-- KEYS[1] partition base   ARGV group, number of entry ids, entry ids, then pairs of gateway and `<channel>\n<epoch>:<seq>`
local base, group, count = KEYS[1], ARGV[1], tonumber(ARGV[2])
local log = base .. 'log'
redis.call('XACK', log, group, unpack(ARGV, 3, 2 + count))
for at = 3 + count, #ARGV, 2 do
  redis.call('XADD', base .. 'g:' .. ARGV[at], 'NOMKSTREAM', '*', 's', ARGV[at + 1])
end
local pending = redis.call('XPENDING', log, group)
if pending[1] > 0 then
  redis.call('XTRIM', log, 'MINID', pending[2])
  return 1
end
for _, info in ipairs(redis.call('XINFO', 'GROUPS', log)) do
  local fields = {}
  for at = 1, #info, 2 do fields[info[at]] = info[at + 1] end
  if fields['name'] == group then
    local ms, n = string.match(fields['last-delivered-id'], '^(%d+)-(%d+)$')
    redis.call('XTRIM', log, 'MINID', ms .. '-' .. string.format('%d', tonumber(n) + 1))
  end
end
return 1
