-- A table with an index is filled, joined with itself, grouped, changed and read in order.
pragma synchronous = off;
create table entry (number integer primary key, place integer, name text, amount real);
begin;
insert into entry
  with recursive counter(n, x) as (
    values (1, 12345)
    union all
    select n + 1, (x * 1103515245 + 12345) % 2147483648 from counter where n < 120000
  )
  select n, x % 500, printf('entry %08x', x), (x % 100000) / 8.0 from counter;
commit;
create index by_place on entry (place, amount);
select place, count(*), round(sum(amount), 3), min(name), max(name) from entry group by place order by 3 desc limit 50;
select count(*), sum(left.number) from entry as left join entry as right
  on left.place = right.place and right.number = left.number + 500;
update entry set amount = amount * 1.5, name = upper(name) where place % 7 = 3;
select count(distinct substr(name, 1, 9)), count(*) from entry where name like '%A7%' or name glob 'entry *b0*';
select number, name, amount, row_number() over (partition by place order by amount desc, number) as rank
  from entry where place < 20 order by rank, place limit 100;
delete from entry where number % 3 = 0;
select total(amount), count(*) from entry;
pragma integrity_check;
