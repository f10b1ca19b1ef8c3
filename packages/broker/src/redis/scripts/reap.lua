-- Removes gateways that were silent for too long, bounded work per call.
-- KEYS[1] partition base   ARGV owner, fence, timeout, channels per call, idle ttl
-- Reply: gateways that are now fully removed; 0 when the lease is lost.
--@include channel
--@include occupancy
--@include interest
--@include lease
local base = KEYS[1]
if not holds_lease(base, ARGV[1], ARGV[2]) then return 0 end
local before = now_ms() - tonumber(ARGV[3])
local removed = {}
local gateways = redis.call('HGETALL', base .. 'gws')
for at = 1, #gateways, 2 do
  if tonumber(gateways[at + 1]) < before and remove_gateway(base, gateways[at], ARGV[4], ARGV[5]) == 1 then
    removed[#removed + 1] = gateways[at]
  end
end
return removed
