-- What a producer has published on a channel: n the last sequence, a ring of results (sequence mod window), g the generation, x when its expiry was
-- last set, j a jump. Part of publish.lua, whose names it uses.
local function open_producer(channel, id)
  local key = base .. 'd:' .. channel .. '|' .. id
  local producer = producers[key]
  if producer then return producer end
  local state = redis.call('HMGET', key, 'n', 'x', 'g', 'j')
  producer = {
    key = key, last = tonumber(state[1]), touched = tonumber(state[2]) or 0, generation = state[3] or '', jump = state[4], results = {},
  }
  producers[key] = producer
  return producer
end

-- `fingerprint epoch seq id` of a sequence that was accepted before, `false` when it has left the window.
local function producer_result(producer, seq)
  local slot = seq % window
  local result = producer.results[slot]
  if result == nil then result = redis.call('HGET', producer.key, text_of(slot)) end
  if not result then return false end
  local known_seq, rest = string.match(result, '^(%d+) (.*)$')
  return tonumber(known_seq) == seq and rest
end

-- `j` of a producer: `<last> <first>` around a jump over what a loss took. What is in between may come late, and only once.
local function is_in_jump(producer, seq)
  local from, to = match(producer.jump or '', '^(%d+) (%d+)$')
  return from and seq > tonumber(from) and seq < tonumber(to)
end

-- A late one that has left the window must not take the place of a newer one.
local function note_producer(producer, seq, result)
  if producer.last and seq <= producer.last - window then return end
  producer.results[seq % window] = text_of(seq) .. ' ' .. result
  producer.dirty = true
end

-- Of an older generation: what this producer sent in between may be lost, and must not stop it for ever.
local function move_producer(producer, seq, prev)
  if producer.generation ~= generation and prev ~= (producer.last or 0) and (producer.last or now < ids_until) then
    producer.jump = text_of(producer.last or 0) .. ' ' .. text_of(seq)
    producer.jumped = true
  end
  producer.last = seq
  producer.generation = generation
end

local function flush_producers()
  for key, producer in pairs(producers) do
    if producer.dirty then
      local writes, at = { 'n', text_of(producer.last) }, 2
      for slot, result in pairs(producer.results) do
        writes[at + 1], writes[at + 2] = text_of(slot), result
        at = at + 2
      end
      local due = now - producer.touched > producer_ttl / 8
      if producer.generation ~= '' then writes[#writes + 1] = 'g' writes[#writes + 1] = producer.generation end
      if producer.jumped then writes[#writes + 1] = 'j' writes[#writes + 1] = producer.jump end
      if due then writes[#writes + 1] = 'x' writes[#writes + 1] = text_of(now) end
      redis.call('HSET', key, unpack(writes))
      if due then redis.call('PEXPIRE', key, producer_ttl) end
    end
  end
end
