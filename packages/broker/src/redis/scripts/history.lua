-- A page of a channel's newest messages, with its position: entries of another epoch than the position's would be misread.
-- KEYS[1] partition base   ARGV channel, XRANGE or XREVRANGE, from, to, limit
-- Reply   epoch and seq ('' and 0 for a channel without a state), then the entries as the command has them
local base, channel = KEYS[1], ARGV[1]
local state = redis.call('HMGET', base .. 'c:' .. channel, 'e', 's')
if not state[1] then return { '', 0, {} } end
return { state[1], tonumber(state[2]), redis.call(ARGV[2], base .. 'h:' .. channel, ARGV[3], ARGV[4], 'COUNT', ARGV[5]) }
