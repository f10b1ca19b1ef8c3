-- Opens or moves the cursor of a consumer. Whatever is written of a durable channel's cursor is told to the log as well.
-- KEYS[1] partition base   ARGV channel, consumer, epoch, seq, bound of consumers, idle ttl, bound of the log ('': not durable), and what to do:
--         ack    moves it forward
--         find   opens it where it is
--         begin  as find; a new consumer begins here
-- Reply   epoch, seq of the cursor; 0 too many consumers; 1 not known (find); 2 the log is full
--@include channel
local base, channel, consumer, epoch, seq, log_max, what = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[7]), ARGV[8]
local key, log = base .. 'a:' .. channel, base .. 'log'
local known = redis.call('HGET', key, consumer)
if known then
  local known_epoch, known_seq = string.match(known, '^(%S+) (%d+) ')
  local is_behind = known_epoch < epoch or (known_epoch == epoch and tonumber(known_seq) < seq)
  if what ~= 'ack' or not is_behind then return { known_epoch, tonumber(known_seq) } end
elseif redis.call('HLEN', key) >= tonumber(ARGV[5]) then
  return 0
elseif what == 'find' then
  return 1
end
local is_full = log_max and redis.call('XLEN', log) >= log_max
-- A new consumer that is not stored would begin at the newest message after a loss. One that is stored only gets messages again.
if is_full and not known then return 2 end
local place, now = epoch .. ' ' .. string.format('%d', seq), string.format('%d', now_ms())
redis.call('HSET', key, consumer, place .. ' ' .. now)
redis.call('PEXPIRE', key, ARGV[6])
-- `k`: a worker of an older version takes it for the question whether the message is stored, and answers nobody.
if log_max and not is_full then
  redis.call('XADD', log, '*', 'm', channel .. '\n' .. epoch .. ':' .. string.format('%d', seq) .. '\n' .. now, 'k', '1', 'c', consumer)
end
return { epoch, seq }
