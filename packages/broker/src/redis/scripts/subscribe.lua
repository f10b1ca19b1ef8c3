-- Records a gateway's interest in channels and answers their positions of this moment: messages up to them are history, later
-- ones come through the feed.
-- KEYS[1] partition base   ARGV gateway, W, epoch for new channels, then channels
-- Reply   as settlement() says (state.lua), then epoch, seq, epochs before (see generation.lua)
--         per channel; or 0 when the gateway isn't registered in this partition
--@include channel
--@include generation
--@include occupancy
--@include interest
--@include state

local base, gateway, max_direct, new_epoch = KEYS[1], ARGV[1], tonumber(ARGV[2]), ARGV[3]
if redis.call('HEXISTS', base .. 'gws', gateway) == 0 then return 0 end
local replies = { settlement(base) }
local now, generation = tonumber(replies[4]), replies[5]

local function widen(channel, gateways)
  redis.call('SADD', base .. 'i:' .. channel, unpack(gateways))
  redis.call('SADD', base .. 'wide', channel)
  redis.call('HDEL', base .. 'c:' .. channel, 'i')
  announce_interest(base, channel)
end

local function add_interest(channel, list, is_wide)
  if is_wide then
    if redis.call('SADD', base .. 'i:' .. channel, gateway) == 1 then announce_interest(base, channel) end
    return
  end
  local gateways = split(list)
  for _, item in ipairs(gateways) do
    if item == gateway then return end
  end
  gateways[#gateways + 1] = gateway
  if #gateways > max_direct then widen(channel, gateways)
  else redis.call('HSET', base .. 'c:' .. channel, 'i', table.concat(gateways, ',')) end
end

-- The first gateway of a channel is noted with what makes it; nothing of it can be on its way out.
local first = max_direct > 0 and gateway or nil
for at = 4, #ARGV do
  local channel = ARGV[at]
  local key = base .. 'c:' .. channel
  local state = redis.call('HMGET', key, 'e', 's', 'i', 'w', 'g', 'o', 'p')
  local is_new = not state[1]
  if is_new then
    local epoch = next_epoch(base, now, new_epoch)
    create_channel(base, channel, epoch, now, generation, first)
    state = { epoch, 0, first, false, generation, false, '' }
  elseif (state[5] or '') ~= generation then
    local epoch = epoch_after(state[1], next_epoch(base, now, new_epoch))
    state[7] = renew_channel(base, channel, state[1], state[2], epoch, generation)
    state[1], state[2] = epoch, 0
  end
  if not (is_new and first) then add_interest(channel, state[3], state[4]) end
  tell_occupied(base, channel, state[1], state[6])
  redis.call('PERSIST', key)
  replies[#replies + 1] = state[1]
  replies[#replies + 1] = tonumber(state[2])
  replies[#replies + 1] = state[7] or ''
end
redis.call('SADD', base .. 'gi:' .. gateway, unpack(ARGV, 4))
return replies
