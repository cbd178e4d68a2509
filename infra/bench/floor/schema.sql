-- The floor: one durable transfer per commit, as plain PL/pgSQL does it, without HTTP, tokens or rules. `pnpm bench`
-- loads it and runs pgbench with spread.sql (two accounts out of 100,000) or hot.sql (account 0 in every transfer).
drop schema if exists floor cascade;
create schema floor;

create table floor.account (
  id bigint primary key,
  currency text not null default 'USD',
  balance bigint not null default 0,
  min_balance bigint,
  version bigint not null default 0
) with (fillfactor = 70);

create table floor.transfer (
  id uuid primary key default gen_random_uuid(),
  idem text unique,
  debit bigint not null,
  credit bigint not null,
  amount bigint not null check (amount > 0),
  currency text not null,
  created_at timestamptz not null default now(),
  metadata jsonb
);

create table floor.posting (
  transfer_id uuid not null,
  account_id bigint not null,
  amount bigint not null,
  balance_after bigint not null,
  seq bigint generated always as identity,
  created_at timestamptz not null default now(),
  primary key (account_id, seq)
);

create table floor.outbox (
  id bigint generated always as identity primary key,
  topic text,
  payload jsonb,
  created_at timestamptz default now()
);

insert into floor.account select number, 'USD', 1000000000, 0 from generate_series(1, 100000) as number;
insert into floor.account values (0, 'USD', 0, null);

create function floor.post(p_debit bigint, p_credit bigint, p_amount bigint, p_idem text) returns uuid
language plpgsql as $$
declare
  transfer uuid;
  debit_balance bigint;
  credit_balance bigint;
begin
  perform 1 from floor.account where id in (p_debit, p_credit) order by id for update;
  update floor.account set balance = balance - p_amount, version = version + 1
    where id = p_debit and (min_balance is null or balance - p_amount >= min_balance)
    returning balance into debit_balance;
  if not found then
    raise exception 'insufficient';
  end if;
  update floor.account set balance = balance + p_amount, version = version + 1
    where id = p_credit returning balance into credit_balance;
  insert into floor.transfer (idem, debit, credit, amount, currency)
    values (p_idem, p_debit, p_credit, p_amount, 'USD') returning id into transfer;
  insert into floor.posting (transfer_id, account_id, amount, balance_after)
    values (transfer, p_debit, -p_amount, debit_balance), (transfer, p_credit, p_amount, credit_balance);
  insert into floor.outbox (topic, payload)
    values ('transfer.posted',
      jsonb_build_object('id', transfer, 'debit', p_debit, 'credit', p_credit, 'amount', p_amount));
  return transfer;
end
$$;

analyze floor.account;
