<?php
$text = file_get_contents('/suite/sources/input', false, null, 0, 200000);
foreach (hash_algos() as $name) echo $name, ' ', hash($name, $text), "\n";
preg_match_all('/\b([a-z])\w*\1\b/i', $text, $m);
$count = array_count_values(array_map('strtolower', $m[0])); ksort($count); arsort($count); echo json_encode(array_slice($count, 0, 20)), "\n";
mt_srand(3); $v = []; for ($i = 0; $i < 20000; $i++) $v[] = mt_rand(); sort($v); echo md5(implode(',', $v)), "\n";
$s = 0; for ($i = 1; $i < 100000; $i++) $s += sin($i) * exp(cos($i)) / sqrt($i) + fmod($i, 7.3) + intdiv($i, 3); var_dump($s, 0.1 + 0.2, PHP_INT_MAX + 1, -7 % 3, 1e308 * 10, (int) 1e19, round(2.5), 7 <=> 7.0);
function g() { for ($i = 0; $i < 5; $i++) { try { $x = yield $i => $i * $i; if ($x) echo "got $x\n"; } finally { echo "f"; } } return 9; }
$g = g(); foreach ($g as $k => $x) { echo "$k:$x "; if ($k == 2) $g->send('two'); } echo $g->getReturn(), "\n";
try { intdiv(1, 0); } catch (DivisionByZeroError $e) { echo get_class($e), "\n"; } finally { echo "finally\n"; }
class T { public ?T $l = null, $r = null; function __construct(int $d) { if ($d) { $this->l = new T($d - 1); $this->r = new T($d - 1); } } function n(): int { return 1 + ($this->l?->n() ?? 0) + ($this->r?->n() ?? 0); } }
echo (new T(13))->n(), ' ', crc32(serialize(new T(6))), ' ', md5(serialize(unserialize(serialize($v)))), "\n";
usort($v, fn($a, $b) => strrev((string) $a) <=> strrev((string) $b)); echo md5(implode($v)), ' ', levenshtein('kitten', 'sitting'), ' ', similar_text('World', 'Word'), ' ', soundex('Robert'), ' ', base64_encode(pack('dfPn', 1.5, 0.1, 7, 9)), "\n";
echo password_verify('x', password_hash('x', PASSWORD_BCRYPT, ['cost' => 5])) ? 'ok' : 'wrong', ' ', bin2hex(hash_pbkdf2('sha256', 'p', 's', 500, 16, true)), "\n";
