-- Runs of agents. Processors of the version before may go on meanwhile: they name none.

ALTER TABLE hold ADD COLUMN agent_run text NOT NULL DEFAULT '';

-- Holds `amount` on all lines or on none. Returns what is held under this id, and the soft rules that it exceeds. When a hard
-- rule has no room, raises GX001 with its place in `lines` as the message, and least_room as the detail.
CREATE OR REPLACE FUNCTION reserve(
  new_id text, amount bigint, new_currency text, lines jsonb, new_prices jsonb, payer jsonb,
  new_model text, new_input_tokens bigint, new_output_tokens bigint, new_created bigint, new_expires bigint,
  quotas jsonb, held_quotas jsonb, OUT held bigint, OUT held_currency text, OUT over text[], OUT quota_states jsonb
) LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  over := '{}';
  INSERT INTO hold (id, state, amount_nano, currency, accounts, prices, subject, team, business_unit, project,
                    application, environment, cost_center, credential_id, agent_run, model, input_tokens_max,
                    output_tokens_max, created_unix_nano, expires_unix_nano, quotas)
    VALUES (new_id, 'held', amount, new_currency, ARRAY(SELECT each->>'key' FROM jsonb_array_elements(lines) AS each),
            new_prices, payer->>'subject', payer->>'team', payer->>'business_unit', payer->>'project',
            payer->>'application', payer->>'environment', payer->>'cost_center', payer->>'credential_id',
            coalesce(payer->>'agent_run', ''), new_model,
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
