-- Opens or moves the cursor of a consumer.
-- KEYS[1] partition base   ARGV channel, consumer, epoch, seq, 1 to open (an existing cursor stays), bound of consumers, idle ttl
-- Reply   epoch, seq of the cursor; 0 when there are too many consumers
--@include channel
local key = KEYS[1] .. 'a:' .. ARGV[1]
local consumer, epoch, seq = ARGV[2], ARGV[3], tonumber(ARGV[4])
local known = redis.call('HGET', key, consumer)
if known then
  local known_epoch, known_seq = string.match(known, '^(%S+) (%d+) ')
  local is_behind = known_epoch < epoch or (known_epoch == epoch and tonumber(known_seq) < seq)
  if ARGV[5] == '1' or not is_behind then return { known_epoch, tonumber(known_seq) } end
elseif redis.call('HLEN', key) >= tonumber(ARGV[6]) then
  return 0
end
redis.call('HSET', key, consumer, epoch .. ' ' .. string.format('%d', seq) .. ' ' .. string.format('%d', now_ms()))
redis.call('PEXPIRE', key, ARGV[7])
return { epoch, seq }
