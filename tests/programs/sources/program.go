// Goroutines, preemption by signals, panics, hashes in assembly, big numbers, a heap under load.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"math/big"
	"math/rand"
	"os"
	"regexp"
	"runtime"
	"sort"
	"strings"
	"sync"
)

type tree struct{ left, right *tree }

func grow(depth int) *tree {
	if depth == 0 {
		return &tree{}
	}
	return &tree{grow(depth - 1), grow(depth - 1)}
}
func (t *tree) size() int {
	if t.left == nil {
		return 1
	}
	return 1 + t.left.size() + t.right.size()
}

func try(name string, action func()) {
	defer func() { fmt.Println(name, recover()) }()
	action()
}

func main() {
	text, _ := os.ReadFile("/suite/sources/input")
	text = text[:200000]
	fmt.Printf("%x %x %x %x\n", md5.Sum(text), sha1.Sum(text), sha256.Sum256(text), sha512.Sum512(text))
	fmt.Println(crc32.ChecksumIEEE(text), crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli)))
	block, _ := aes.NewCipher(make([]byte, 32))
	gcm, _ := cipher.NewGCM(block)
	fmt.Printf("%x\n", sha256.Sum256(gcm.Seal(nil, make([]byte, 12), text, nil)))
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	fmt.Printf("%x\n", ed25519.Sign(private, text))
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	writer.Write(text)
	writer.Close()
	fmt.Printf("%d %x\n", packed.Len(), sha256.Sum256(packed.Bytes()))

	var nothing *tree
	array, index, zero := []int{1, 2, 3}, 5, 0
	var any interface{} = "text"
	try("nil", func() { fmt.Println(nothing.left) })
	try("bounds", func() { fmt.Println(array[index]) })
	try("divide", func() { fmt.Println(7 / zero) })
	try("type", func() { fmt.Println(any.(int)) })
	try("channel", func() { c := make(chan int); close(c); close(c) })

	// Loops without calls: only a signal takes the processor from them.
	var wait sync.WaitGroup
	sums := make([]uint64, 6)
	for n := range sums {
		wait.Add(1)
		go func(n int) {
			defer wait.Done()
			var x uint64 = uint64(n)
			for i := 0; i < 20000000; i++ {
				x = x*6364136223846793005 + 1442695040888963407
			}
			sums[n] = x
		}(n)
	}
	wait.Wait()
	fmt.Println(sums)
	values := make(chan int)
	go func() {
		for i := 0; i < 20000; i++ {
			values <- i
		}
		close(values)
	}()
	total := 0
	for v := range values {
		total += v
		if v%1000 == 0 {
			runtime.Gosched()
		}
	}
	fmt.Println(total)

	nodes := 0
	for i := 0; i < 10; i++ {
		nodes += grow(14).size()
	}
	fmt.Println(nodes)
	runtime.GC()
	random := rand.New(rand.NewSource(1))
	floats := make([]float64, 20000)
	for i := range floats {
		floats[i] = math.Sin(random.NormFloat64()) * math.Exp(random.Float64()) / math.Cbrt(random.ExpFloat64()+1)
	}
	sort.Float64s(floats)
	fmt.Println(floats[0], floats[10000], math.FMA(floats[1], floats[2], floats[3]), math.Float32bits(float32(floats[9])))
	big1 := new(big.Int).MulRange(1, 500)
	fmt.Println(new(big.Int).Mod(big1, big.NewInt(1000000007*998244353)), new(big.Int).Exp(big.NewInt(3), big1, big.NewInt(1<<61-1)))
	words := regexp.MustCompile(`\b[a-z]{5,}\b`).FindAllString(string(text), -1)
	count := map[string]int{}
	for _, word := range words {
		count[strings.ToUpper(word)]++
	}
	encoded, _ := json.Marshal(count)
	fmt.Printf("%d %x\n", len(count), sha1.Sum(encoded))
}
