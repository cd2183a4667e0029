-- The ledger's tables, and the functions by which a request costs one round trip. Amounts are nano-units of `currency`.
-- Tests and debits are one statement each, under row locks that are taken in the order of the keys, so that two requests
-- never wait for each other in a circle.

CREATE TABLE account (
  key text PRIMARY KEY,
  rule text NOT NULL,
  limit_nano bigint NOT NULL,
  held_nano bigint NOT NULL DEFAULT 0 CHECK (held_nano >= 0),
  posted_nano bigint NOT NULL DEFAULT 0 CHECK (posted_nano >= 0),
  carried_nano bigint NOT NULL DEFAULT 0 CHECK (carried_nano >= 0),
  handed_over_nano bigint NOT NULL DEFAULT 0 CHECK (handed_over_nano >= 0),
  ends_unix_nano bigint
) WITH (fillfactor = 70);  -- rows are updated in place all the time

-- The moment at which the bucket is full again, and what is held of it (quotas.py).
CREATE TABLE quota (
  key text PRIMARY KEY,
  full_unix_nano bigint NOT NULL DEFAULT 0,
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0)
) WITH (fillfactor = 70);

CREATE TABLE hold (
  id text PRIMARY KEY,
  state text NOT NULL CHECK (state IN ('held', 'posted', 'void', 'expired')),
  amount_nano bigint NOT NULL CHECK (amount_nano >= 0),
  currency text NOT NULL,
  accounts text[] NOT NULL,
  prices jsonb NOT NULL,
  subject text NOT NULL,
  team text NOT NULL,
  business_unit text NOT NULL,
  project text NOT NULL,
  application text NOT NULL,
  environment text NOT NULL,
  cost_center text NOT NULL,
  credential_id text NOT NULL,
  model text NOT NULL,
  input_tokens_max bigint NOT NULL,
  output_tokens_max bigint NOT NULL,
  created_unix_nano bigint NOT NULL,
  expires_unix_nano bigint NOT NULL,
  settled_unix_nano bigint,
  cost_nano bigint NOT NULL DEFAULT 0 CHECK (cost_nano >= 0),
  cluster text NOT NULL DEFAULT '',
  usage jsonb,
  settled_by text NOT NULL DEFAULT '',
  flags text[] NOT NULL DEFAULT '{}',
  quotas jsonb NOT NULL DEFAULT '[]'
);

CREATE INDEX hold_open ON hold (expires_unix_nano) WHERE state = 'held';

CREATE TABLE top_up (
  id text PRIMARY KEY,
  budget text NOT NULL,
  amount_nano bigint NOT NULL CHECK (amount_nano > 0),
  begins_unix_nano bigint NOT NULL,
  ends_unix_nano bigint NOT NULL,
  actor text NOT NULL,
  reason text NOT NULL
);

CREATE INDEX top_up_budget ON top_up (budget, ends_unix_nano);

-- Debits one line of a reservation, where there is room or `anyway`. Whether there was room.
CREATE FUNCTION take(line jsonb, amount bigint, now_unix_nano bigint, anyway boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line_key text := line->>'key';
  line_limit bigint := (line->>'limit_nano')::bigint;
  extra bigint;
  elsewhere bigint := 0;
BEGIN
  SELECT coalesce(sum(amount_nano), 0) INTO extra FROM top_up
    WHERE budget = line->>'budget' AND ends_unix_nano > now_unix_nano AND begins_unix_nano <= now_unix_nano;
  IF jsonb_array_length(line->'others') > 0 THEN
    -- Others may be granting in a bucket that counts here: one at a time for each budget.
    PERFORM pg_advisory_xact_lock(hashtextextended(line->>'budget', 0));
    SELECT coalesce(sum(held_nano + posted_nano), 0) INTO elsewhere FROM account
      WHERE key IN (SELECT jsonb_array_elements_text(line->'others'));
  END IF;
  UPDATE account SET held_nano = held_nano + amount, limit_nano = line_limit
    WHERE key = line_key
      AND (anyway OR held_nano + posted_nano + handed_over_nano + amount + elsewhere <= line_limit + carried_nano + extra);
  RETURN FOUND;
END $$;

-- Makes the account of a line unless it is there, with what the period before hands over.
CREATE FUNCTION open_account(line jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  carried bigint := 0;
BEGIN
  INSERT INTO account (key, rule, limit_nano, ends_unix_nano)
    VALUES (line->>'key', line->>'rule', (line->>'limit_nano')::bigint, (line->>'ends_unix_nano')::bigint)
    ON CONFLICT (key) DO NOTHING;
  IF FOUND AND (line->>'carries_max_nano')::bigint > 0 THEN
    UPDATE account SET handed_over_nano =
        greatest(0, least((line->>'carries_max_nano')::bigint, limit_nano + carried_nano - posted_nano - held_nano))
      WHERE key = line->>'before' RETURNING handed_over_nano INTO carried;
    UPDATE account SET carried_nano = coalesce(carried, 0) WHERE key = line->>'key';
  END IF;
END $$;

-- The least that one of the hard `lines` has left for a reservation of `amount`, which those before `refused` hold already, a
-- blank and its rule. Reads only, but for accounts that nobody has used: the caller undoes all of it.
CREATE FUNCTION least_room(lines jsonb, amount bigint, refused text, now_unix_nano bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  line jsonb;
  room bigint;
  least bigint;
  tightest text;
BEGIN
  FOR line IN SELECT each FROM jsonb_array_elements(lines) AS each WHERE (each->>'is_hard')::boolean ORDER BY each->>'key'
  LOOP
    PERFORM open_account(line);
    SELECT (line->>'limit_nano')::bigint + carried_nano - held_nano - posted_nano - handed_over_nano
        + CASE WHEN key < refused THEN amount ELSE 0 END
        + (SELECT coalesce(sum(amount_nano), 0) FROM top_up
            WHERE budget = line->>'budget' AND ends_unix_nano > now_unix_nano AND begins_unix_nano <= now_unix_nano)
        - (SELECT coalesce(sum(held_nano + posted_nano), 0) FROM account
            WHERE key IN (SELECT jsonb_array_elements_text(line->'others')))
      INTO room FROM account WHERE key = line->>'key';
    IF least IS NULL OR room < least THEN
      least := room;
      tightest := line->>'rule';
    END IF;
  END LOOP;
  RETURN least || ' ' || tightest;
END $$;

-- Takes of one quota, where there is room. Its state then: full, held; null without room.
CREATE FUNCTION take_quota(line jsonb, now_unix_nano bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  step bigint := (line->>'step')::bigint;
  used bigint := CASE WHEN (line->>'is_held')::boolean THEN 0 ELSE step END;
  room bigint := (line->>'room')::bigint;
  state jsonb;
BEGIN
  INSERT INTO quota AS known (key, full_unix_nano, held)
    SELECT line->>'key', CASE used WHEN 0 THEN 0 ELSE now_unix_nano + used END, step - used WHERE step <= room
    ON CONFLICT (key) DO UPDATE SET
      full_unix_nano = CASE used WHEN 0 THEN known.full_unix_nano ELSE greatest(known.full_unix_nano, now_unix_nano) + used END,
      held = known.held + step - used
      WHERE greatest(known.full_unix_nano - now_unix_nano, 0) + known.held + step <= room
    RETURNING jsonb_build_array(known.full_unix_nano, known.held) INTO state;
  RETURN state;
END $$;

-- Takes of all quotas, in the order of their keys. Returns their states in the order of `lines`. Raises GX002 when one has no
-- room, with all states as the detail, as they will be when all is undone.
CREATE FUNCTION take_quotas(lines jsonb, now_unix_nano bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  entry record;
  state jsonb;
  states jsonb[];
BEGIN
  FOR entry IN
    SELECT line, place FROM jsonb_array_elements(lines) WITH ORDINALITY AS each (line, place) ORDER BY line->>'key'
  LOOP
    state := take_quota(entry.line, now_unix_nano);
    IF state IS NULL THEN
      RAISE EXCEPTION USING ERRCODE = 'GX002', MESSAGE = (entry.place - 1)::text, DETAIL = (
        SELECT jsonb_agg(jsonb_build_array(
            coalesce(full_unix_nano, 0) - CASE WHEN is_taken AND NOT is_held THEN step ELSE 0 END,
            coalesce(held, 0) - CASE WHEN is_taken AND is_held THEN step ELSE 0 END) ORDER BY place)
          FROM (SELECT line->>'key' AS line_key, (line->>'step')::bigint AS step, (line->>'is_held')::boolean AS is_held, place,
                    line->>'key' < entry.line->>'key' AS is_taken
                  FROM jsonb_array_elements(lines) WITH ORDINALITY AS each (line, place)) AS asked
          LEFT JOIN quota ON key = line_key)::text;
    END IF;
    states[entry.place] := state;
  END LOOP;
  RETURN to_jsonb(states);
END $$;

-- Holds `amount` on all lines or on none. Returns what is held under this id, and the soft rules that it exceeds. When a hard
-- rule has no room, raises GX001 with its place in `lines` as the message, and least_room as the detail.
CREATE FUNCTION reserve(
  new_id text, amount bigint, new_currency text, lines jsonb, new_prices jsonb, payer jsonb,
  new_model text, new_input_tokens bigint, new_output_tokens bigint, new_created bigint, new_expires bigint,
  quotas jsonb, held_quotas jsonb, OUT held bigint, OUT held_currency text, OUT over text[], OUT quota_states jsonb
) LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  over := '{}';
  INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, business_unit, project,
                    application, environment, cost_center, credential_id, model, input_tokens_max, output_tokens_max,
                    created_unix_nano, expires_unix_nano, quotas)
    VALUES (new_id, 'held', amount, new_currency, ARRAY(SELECT each->>'key' FROM jsonb_array_elements(lines) AS each),
            new_prices, payer->>'subject', payer->>'team', payer->>'business_unit', payer->>'project',
            payer->>'application', payer->>'environment', payer->>'cost_center', payer->>'credential_id', new_model,
            new_input_tokens, new_output_tokens, new_created, new_expires, held_quotas)
    ON CONFLICT (id) DO NOTHING;
  IF NOT FOUND THEN
    SELECT hold.amount_nano, hold.currency INTO held, held_currency FROM hold WHERE hold.id = new_id;
    RETURN;
  END IF;
  FOR entry IN
    SELECT line, place FROM jsonb_array_elements(lines) WITH ORDINALITY AS each (line, place) ORDER BY line->>'key'
  LOOP
    IF NOT take(entry.line, amount, new_created, false) THEN
      PERFORM open_account(entry.line);
      IF NOT take(entry.line, amount, new_created, false) THEN
        IF (entry.line->>'is_hard')::boolean THEN
          RAISE EXCEPTION USING ERRCODE = 'GX001', MESSAGE = (entry.place - 1)::text,
            DETAIL = least_room(lines, amount, entry.line->>'key', new_created);
        END IF;
        PERFORM take(entry.line, amount, new_created, true);
        over := over || (entry.line->>'rule');
      END IF;
    END IF;
  END LOOP;
  IF jsonb_array_length(quotas) > 0 THEN
    quota_states := take_quotas(quotas, new_created);
  END IF;
  held := amount;
  held_currency := new_currency;
END $$;

-- Makes parts of leases the holds of these ids, which `reserve` has just made on no account. Returns the leases that are not
-- there; what was to be drawn from them stays on no account. Of one that has expired, and so is posted, the part is held again.
CREATE FUNCTION draw(lease_ids text[], hold_ids text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  part record;
  lease record;
  lost text[] := '{}';
BEGIN
  FOR part IN
    SELECT drawn.lease_id, hold.id, hold.amount_nano FROM unnest(lease_ids, hold_ids) AS drawn (lease_id, id)
      JOIN hold ON hold.id = drawn.id WHERE hold.accounts = '{}' ORDER BY drawn.lease_id
  LOOP
    UPDATE hold SET amount_nano = amount_nano - part.amount_nano,
        cost_nano = cost_nano - CASE state WHEN 'expired' THEN part.amount_nano ELSE 0 END
      WHERE id = part.lease_id AND state IN ('held', 'expired') AND amount_nano >= part.amount_nano
      RETURNING state, accounts INTO lease;
    IF NOT FOUND THEN
      lost := lost || part.lease_id;
      CONTINUE;
    END IF;
    UPDATE hold SET accounts = lease.accounts WHERE id = part.id;
    IF lease.state = 'expired' THEN
      PERFORM 1 FROM account WHERE key = ANY(lease.accounts) ORDER BY key FOR UPDATE;
      UPDATE account SET held_nano = held_nano + part.amount_nano, posted_nano = posted_nano - part.amount_nano
        WHERE key = ANY(lease.accounts);
    END IF;
  END LOOP;
  RETURN lost;
END $$;

-- Closes or corrects holds that the caller has read and locked: an array of objects, one for each hold.
CREATE FUNCTION close_holds(closings jsonb, now_unix_nano bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- All accounts in the order of their keys, whatever the order of the holds.
  PERFORM 1 FROM account WHERE key IN (
      SELECT unnest(hold.accounts) FROM hold JOIN jsonb_array_elements(closings) AS each ON hold.id = each->>'id')
    ORDER BY key FOR UPDATE;
  UPDATE account SET held_nano = held_nano - moved.released, posted_nano = posted_nano + moved.spent
    FROM (
      SELECT account_key, sum(CASE hold.state WHEN 'held' THEN hold.amount_nano ELSE 0 END) AS released,
             sum((each->>'cost_nano')::bigint - hold.cost_nano) AS spent
        FROM hold JOIN jsonb_array_elements(closings) AS each ON hold.id = each->>'id', unnest(hold.accounts) AS account_key
        GROUP BY account_key) AS moved
    WHERE key = moved.account_key;
  UPDATE hold SET state = each->>'state', settled_unix_nano = now_unix_nano, cost_nano = (each->>'cost_nano')::bigint,
      cluster = each->>'cluster', usage = nullif(each->'usage', 'null'::jsonb), settled_by = each->>'settled_by',
      flags = ARRAY(SELECT jsonb_array_elements_text(each->'flags'))
    FROM jsonb_array_elements(closings) AS each WHERE hold.id = each->>'id';
  -- Quotas come last, as in `reserve`, in the order of their keys.
  PERFORM 1 FROM quota WHERE key IN (
      SELECT each_quota->>'key' FROM jsonb_array_elements(closings) AS each, jsonb_array_elements(each->'quotas') AS each_quota)
    ORDER BY key FOR UPDATE;
  UPDATE quota SET held = greatest(0, quota.held - settled.held),
      full_unix_nano = CASE settled.used WHEN 0 THEN full_unix_nano
        ELSE greatest(full_unix_nano, now_unix_nano) + settled.used END
    FROM (
      SELECT each_quota->>'key' AS quota_key, sum((each_quota->>'held')::bigint) AS held,
             sum((each_quota->>'used')::bigint) AS used
        FROM jsonb_array_elements(closings) AS each, jsonb_array_elements(each->'quotas') AS each_quota
        GROUP BY quota_key) AS settled
    WHERE key = settled.quota_key;
END $$;
