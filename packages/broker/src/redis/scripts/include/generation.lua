-- A generation is one Redis process with one set of data. Whoever first meets a process that the data don't name raises it (claim.lua),
-- before anything is accepted there: what an earlier process accepted can't be given a position again, whatever of it is lost.
-- In `meta`: g the generation, r the process it belongs to, n publish calls, gs generations so far (`<generation>:<n at its beginning>`),
-- ls those that began with a loss, q the last one whose ends of epochs are settled with the database, ft when the newest entry of the log
-- was appended before the first one that isn't settled, rt when it was raised, f the latest epoch, x until when ids of published messages are looked up.
-- Channels and producers carry the generation that they belong to, in `g`.
local MAX_PREDECESSORS = 16

local function generation_of(base)
  return redis.call('HGET', base .. 'meta', 'g') or ''
end

-- Epochs of a channel sort by age, whatever the clocks say.
local function epoch_after(old, fresh)
  if fresh > old then return fresh end
  local digits = '0123456789abcdefghijklmnopqrstuvwxyz'
  for at = #old, 1, -1 do
    local value = string.find(digits, string.sub(old, at, at), 1, true)
    if value and value < 36 then
      return string.sub(old, 1, at - 1) .. string.sub(digits, value + 1, value + 1) .. string.rep('0', #old - at)
    end
  end
  return fresh
end

-- An epoch for a channel of this partition. Not before what gateways have seen of an earlier process (claim.lua), though the clock of this
-- server may be behind that of its predecessor. Made once per call: in one call the time stands still.
local made_epoch, epoch_floor
local function next_epoch(base, now, made)
  if not made_epoch then made_epoch, epoch_floor = epoch_at(now, made), redis.call('HGET', base .. 'meta', 'f') or '' end
  if made_epoch > epoch_floor then return made_epoch end
  epoch_floor = epoch_after(epoch_floor, made_epoch)
  -- Each is given once: a channel that expires before the clock has caught up must not get the same again.
  redis.call('HSET', base .. 'meta', 'f', epoch_floor)
  return epoch_floor
end

-- Generations are numbered in the order in which they followed each other.
local function ordinal(generation)
  return tonumber(string.match(generation or '', '^(%d+)-') or 0)
end

-- An end stays as it is when somebody has gone on after it, or when the database was compared in the generation that ended the epoch or in a later one:
-- a next generation, not compared yet, must not move it again. `settled` is `q` of `meta`.
local function is_final(one, settled)
  return one.sealed == '!' or ordinal(one.generation) <= ordinal(settled or '')
end

-- `p` of a channel: the epochs before the present one, oldest first, as `<epoch>:<last seq>:<generation that ended it>`, separated by commas.
-- With a `!` at the end, that last seq is final; else it is when the partition is settled.
local function ended_epochs(list)
  local ended = {}
  for epoch, last, generation, sealed in string.gmatch(list or '', '([^:,]+):(%d+):([^:,!]+)(!?)') do
    ended[#ended + 1] = { epoch = epoch, last = tonumber(last), generation = generation, sealed = sealed }
  end
  return ended
end

-- Too many: one in which nothing was published goes first, else the oldest.
local function forget_one(ended)
  for at = 1, #ended - 1 do
    if ended[at].last == 0 then return table.remove(ended, at) end
  end
  table.remove(ended, 1)
end

local function text_of_ended(ended)
  local texts = {}
  while #ended > MAX_PREDECESSORS do forget_one(ended) end
  for at = 1, #ended do
    local one = ended[at]
    texts[#texts + 1] = one.epoch .. ':' .. string.format('%d', one.last) .. ':' .. one.generation .. one.sealed
  end
  return table.concat(texts, ',')
end

-- The channel is of an older generation: it goes on in a new epoch, which names its predecessor and where that ended. Who is interested stays,
-- and so does the history of the old epoch.
local function renew_channel(base, channel, old_epoch, old_seq, epoch, generation)
  local key, history = base .. 'c:' .. channel, base .. 'h:' .. channel
  if redis.call('EXISTS', history) == 1 then redis.call('RENAME', history, base .. 'o:' .. channel .. '|' .. old_epoch) end
  local ended = ended_epochs(redis.call('HGET', key, 'p'))
  ended[#ended + 1] = { epoch = old_epoch, last = tonumber(old_seq), generation = generation, sealed = '' }
  local text = text_of_ended(ended)
  redis.call('HSET', key, 'e', epoch, 's', 0, 'g', generation, 'p', text)
  redis.call('HDEL', key, 't')
  return text
end
