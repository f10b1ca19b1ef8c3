-- A process that connects says which generation of a partition it knows and what it has seen of it. When the data don't name this Redis process, the
-- partition gets a new generation, at once and without anybody's word: no position is given twice. What was seen, and isn't there, is a loss.
-- KEYS[1] partition base   ARGV identity of the Redis process, random text for a new generation, generation known or '', highest write count seen,
--         gateway or '' for others, id that its feed was read up to, latest epoch seen or ''
-- Reply   generation, write count, generations that began with a loss, 1 when the ends of all epochs are settled with the database,
--         1 when this call raised the generation
--@include channel
--@include generation
--@include lease
--@include state

local base = KEYS[1]
local run, random, known, seen, gateway, read_up_to, latest_epoch = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
local MAX_GENERATIONS = 32
local meta = base .. 'meta'
local state = redis.call('HMGET', meta, 'r', 'g', 'n', 'gs', 'f', 'ls', 'q', 'ft')
local generation, count, chain, lossy = state[2], tonumber(state[3] or 0), state[4] or '', state[6] or ''

local function last_of(list)
  local items = split(list)
  return table.concat(items, ',', math.max(1, #items - MAX_GENERATIONS + 1))
end

local function newest_entry_ms(key)
  if redis.call('EXISTS', key) == 0 then return 0, '0-0' end
  local info = redis.call('XINFO', 'STREAM', key)
  for at = 1, #info, 2 do
    if info[at] == 'last-generated-id' then return tonumber(string.match(info[at + 1], '^%d+')), info[at + 1] end
  end
end

local function raise()
  local log_ms = newest_entry_ms(base .. 'log')
  if state[8] and state[7] ~= generation then log_ms = math.min(log_ms, tonumber(state[8])) end
  generation = string.format('%d', math.max(ordinal(generation), ordinal(known)) + 1) .. '-' .. random
  chain = last_of((chain == '' and '' or chain .. ',') .. generation .. ':' .. string.format('%d', count))
  redis.call('HSET', meta, 'r', run, 'g', generation, 'gs', chain, 'ft', string.format('%d', log_ms), 'rt', string.format('%d', now_ms()))
end

-- What the generation after the one that is known had at its beginning; `false` when the known one is not among the predecessors.
local function count_after_known()
  local is_next = false
  for name, began in string.gmatch(chain, '([^:,]+):(%d+)') do
    if is_next then return tonumber(began) end
    is_next = name == known
  end
  return false
end

local function feed_is_behind()
  local key = base .. 'g:' .. gateway
  if gateway == '' or redis.call('EXISTS', key) == 0 then return false end
  local _, newest = newest_entry_ms(key)
  return is_after(read_up_to, newest)
end

local went_back = generation and known == generation and (seen > count or feed_is_behind())
local raised = state[1] ~= run or not generation or went_back
local before = generation
if raised then raise() end
if known ~= '' and known ~= generation then
  local had = count_after_known()
  local is_lossy = not had or seen > had or (raised and known == before and feed_is_behind())
  if is_lossy and not string.find(',' .. lossy .. ',', ',' .. generation .. ',', 1, true) then
    lossy = last_of((lossy == '' and '' or lossy .. ',') .. generation)
    redis.call('HSET', meta, 'ls', lossy)
  end
end
if seen > count then
  count = seen
  redis.call('HSET', meta, 'n', string.format('%d', seen))
end
if latest_epoch > (state[5] or '') then redis.call('HSET', meta, 'f', latest_epoch) end
local _, settled = settlement(base)
return { generation, count, lossy, settled, raised and 1 or 0 }
