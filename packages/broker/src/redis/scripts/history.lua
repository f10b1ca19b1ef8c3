-- A page of a channel's newest messages, with its state: entries of another epoch than the position's would be misread.
-- KEYS[1] partition base   ARGV epoch for a channel of an older generation, channel, XRANGE or XREVRANGE, from, to, limit
-- Reply   as settlement() says (state.lua), epoch, seq and epochs before ('', 0, '' for a channel
--         without a state), then the entries as the command has them
--@include channel
--@include generation
--@include state
--@include history-age
local base, channel = KEYS[1], ARGV[2]
local lossy, settled, raised, now, generation, last_settled = settlement(base)
local epoch, seq, before = current_state(base, channel, tonumber(now), generation, ARGV[1])
if epoch ~= '' then cut_old_history(base, channel, redis.call('HGET', base .. 'c:' .. channel, 't'), tonumber(now)) end
if epoch == '' then return { lossy, settled, raised, now, generation, last_settled, '', 0, '', {} } end
return { lossy, settled, raised, now, generation, last_settled, epoch, seq, before, redis.call(ARGV[3], base .. 'h:' .. channel, ARGV[4], ARGV[5], 'COUNT', ARGV[6]) }
