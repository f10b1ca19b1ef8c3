-- A partition's generation changes when Redis lost accepted messages (attest.lua). Channels and producers carry the generation that they
-- belong to, in `g`; one without is of the first, ''.
local function generation_of(base)
  return redis.call('HGET', base .. 'meta', 'g') or ''
end

-- Epochs of a channel sort by age, whatever the clocks say.
local function epoch_after(old, fresh)
  if fresh > old then return fresh end
  local digits = '0123456789abcdefghijklmnopqrstuvwxyz'
  for at = #old, 1, -1 do
    local value = string.find(digits, string.sub(old, at, at), 1, true)
    if value < 36 then
      return string.sub(old, 1, at - 1) .. string.sub(digits, value + 1, value + 1) .. string.rep('0', #old - at)
    end
  end
  return fresh
end

-- An epoch for a channel of this partition. Not before what gateways have seen of an earlier run (attest.lua), though the clock of this
-- server may be behind that of its predecessor: to a gateway, an epoch that sorts before its own is a straggler.
-- Made once per call: in one call the time stands still.
local made_epoch, epoch_floor
local function next_epoch(base, now, made)
  if not made_epoch then made_epoch, epoch_floor = epoch_at(now, made), redis.call('HGET', base .. 'meta', 'f') or '' end
  if made_epoch > epoch_floor then return made_epoch end
  epoch_floor = epoch_after(epoch_floor, made_epoch)
  -- Each is given once: a channel that expires before the clock has caught up must not get the same again.
  redis.call('HSET', base .. 'meta', 'f', epoch_floor)
  return epoch_floor
end

-- The channel is of an older generation: its numbers may have been given to messages that are lost, so they are not used again. Who is
-- interested stays, and so does the history of the old epoch, for gateways that don't have all of it yet.
local function renew_channel(base, channel, old_epoch, epoch, generation)
  local history = base .. 'h:' .. channel
  if redis.call('EXISTS', history) == 1 then redis.call('RENAME', history, base .. 'o:' .. channel .. '|' .. old_epoch) end
  redis.call('HSET', base .. 'c:' .. channel, 'e', epoch, 's', 0, 'g', generation)
end
