-- Wide channels with few gateways, whose last wide message is routed, go back to the direct lane. Not before: a direct message could
-- overtake a routed one.
-- KEYS[1] partition base   ARGV owner, fence, W, channels looked at per call, then channels (none: any wide ones)
-- Reply: channels that are direct now; 0 when the lease is lost.
--@include channel
--@include lease
local base, max_direct = KEYS[1], tonumber(ARGV[3])
if not holds_lease(base, ARGV[1], ARGV[2]) then return 0 end
local cursor = redis.call('GET', base .. 'cursor') or '0-0'
local channels, narrowed = {}, {}
for at = 5, #ARGV do channels[#channels + 1] = ARGV[at] end
if #channels == 0 then channels = redis.call('SRANDMEMBER', base .. 'wide', ARGV[4]) end
for _, channel in ipairs(channels) do
  local key, interest = base .. 'c:' .. channel, base .. 'i:' .. channel
  local last_routed = redis.call('HGET', key, 'w')
  if not last_routed then
    redis.call('SREM', base .. 'wide', channel)
  elseif not is_after(last_routed, cursor) and redis.call('SCARD', interest) <= max_direct then
    local gateways = redis.call('SMEMBERS', interest)
    redis.call('HDEL', key, 'w')
    redis.call('DEL', interest)
    redis.call('SREM', base .. 'wide', channel)
    if #gateways > 0 then redis.call('HSET', key, 'i', table.concat(gateways, ','))
    elseif is_empty(base, channel) then redis.call('DEL', key) end
    narrowed[#narrowed + 1] = channel
  end
end
return narrowed
