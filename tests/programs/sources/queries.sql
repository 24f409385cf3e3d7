create table words(id integer primary key, word text, weight real, note blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 8000)
insert into words select i, printf('%05d-%x', i * 7919 % 10007, i * i), sin(i) * exp(cos(i)) / sqrt(i), zeroblob(i % 50) from n;
create index by_word on words(word);
create index by_weight on words(weight, id) where weight > 0;
select count(*), sum(length(word)), round(sum(weight), 9), total(length(note)) from words;
select word, rank() over (order by weight desc), round(avg(weight) over (order by id rows between 20 preceding and current row), 12) from words order by weight desc limit 10;
select substr(word, 1, 2) as head, count(*), group_concat(id % 10, '') from words where id < 500 group by head having count(*) > 4 order by 2 desc, 1 limit 12;
begin; delete from words where id % 3 = 0; update words set weight = -weight where word like '0%7%'; savepoint s; delete from words; rollback to s; select count(*), round(sum(weight), 9) from words; rollback;
select count(*) from words a join words b on a.id = b.id * 2 and a.weight > b.weight;
create virtual table texts using fts5(body);
insert into texts select word || ' ' || id % 17 || ' ' || replace(word, '-', ' ') from words;
select count(*) from texts where texts match '7 OR 11';
with recursive q(x, y, n) as (select 0.0, 0.0, 0 union all select x * x - y * y - 0.4, 2 * x * y + 0.6, n + 1 from q where n < 60) select max(n), round(x, 10), round(y, 10) from q;
select json_group_array(json_object('id', id, 'w', round(weight, 6))) from words where id between 5 and 12;
select 9223372036854775807 + 1, -7 / 2, -7 % 3, 1e308 * 10, 0.1 + 0.2, cast('12abc' as integer), typeof(9223372036854775808), 1 / 0;
pragma journal_mode = wal; insert into words(word) values ('last'); pragma integrity_check;
