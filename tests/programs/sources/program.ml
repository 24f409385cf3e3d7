type tree = Leaf | Node of tree * int * tree
let rec insert x = function Leaf -> Node (Leaf, x, Leaf) | Node (l, y, r) as t -> if x < y then Node (insert x l, y, r) else if x > y then Node (l, y, insert x r) else t
let rec size = function Leaf -> 0 | Node (l, _, r) -> size l + 1 + size r
let rec fold f a = function Leaf -> a | Node (l, x, r) -> fold f (f (fold f a l) x) r
exception Found of int
let rec deep n = 1 + deep (n + 1)
let () =
  let t = ref Leaf in
  for i = 1 to 20000 do t := insert (i * 7919 mod 10007) !t done;
  Printf.printf "%d %d\n" (size !t) (fold (fun a x -> (a * 31 + x) land 0xfffffff) 7 !t);
  let n = ref 0 in
  for i = 1 to 30000 do try if i mod 3 = 0 then raise (Found i) else if i mod 7 = 0 then ignore (1 / (i - i)) with Found x -> n := !n + x | Division_by_zero -> incr n done;
  Printf.printf "%d\n" !n;
  (try ignore (deep 0) with Stack_overflow -> print_endline "deep");
  (try ignore ([| 1; 2 |].(!n)) with Invalid_argument s -> print_endline s);
  let s = ref 0. in
  for i = 1 to 100000 do let x = float i in s := !s +. sin x *. exp (cos x) /. sqrt x done;
  Printf.printf "%.17g %s\n" !s (Digest.to_hex (Digest.string (String.init 50000 (fun i -> Char.chr (i * i land 255)))));
  let l = List.sort compare (List.init 5000 (fun i -> string_of_int (i * 7919 mod 5003))) in
  Printf.printf "%s %Ld %ld\n" (List.nth l 2500) (Int64.div Int64.min_int 7L) (Int32.shift_right (-5l) 1);
  Gc.compact ()
