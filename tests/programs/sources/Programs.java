import java.math.BigInteger;
import java.security.MessageDigest;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import java.util.zip.*;

/** What HotSpot compiles to implicit checks, and its intrinsics. With an argument a shorter run, for the interpreter. */
public class Programs {
    static int[] array = new int[100];
    static Object nothing;

    static int checks(int i) {
        int seen = 0;
        try { seen += array[i]; } catch (ArrayIndexOutOfBoundsException e) { seen += 1; }
        try { if (i % 50 == 0) seen += nothing.hashCode(); } catch (NullPointerException e) { seen += 2; }
        try { seen += 7 / (i % 5); } catch (ArithmeticException e) { seen += 3; }
        try { Object o = i % 3 == 0 ? "x" : Integer.valueOf(i); seen += ((Integer) o) & 1; } catch (ClassCastException e) { seen += 5; }
        return seen;
    }

    static int deep(int n) { return deep(n + 1) + 1; }

    static String hex(byte[] bytes) { return new BigInteger(1, bytes).toString(16); }

    public static void main(String[] arguments) throws Exception {
        int scale = arguments.length > 0 ? 1 : 20;
        long sum = 0;
        for (int i = 0; i < 10000 * scale; i++) sum += checks(i % 130);
        System.out.println(sum);
        try { deep(0); } catch (StackOverflowError e) { System.out.println("overflow"); }
        byte[] text = new byte[100000];
        new Random(5).nextBytes(text);
        for (String name : new String[] { "MD5", "SHA-1", "SHA-256", "SHA-512", "SHA3-256" })
            for (int i = 0; i < scale; i++) { byte[] d = MessageDigest.getInstance(name).digest(text); text[i] = d[0]; if (i == scale - 1) System.out.println(name + " " + hex(d)); }
        CRC32 crc = new CRC32(); crc.update(text);
        CRC32C crc32c = new CRC32C(); crc32c.update(text);
        Adler32 adler = new Adler32(); adler.update(text);
        System.out.println(crc.getValue() + " " + crc32c.getValue() + " " + adler.getValue());
        javax.crypto.Cipher cipher = javax.crypto.Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(javax.crypto.Cipher.ENCRYPT_MODE, new javax.crypto.spec.SecretKeySpec(new byte[32], "AES"), new javax.crypto.spec.GCMParameterSpec(128, new byte[12]));
        System.out.println("AES " + hex(MessageDigest.getInstance("SHA-256").digest(cipher.doFinal(text))));
        BigInteger big = BigInteger.ONE;
        for (int i = 1; i < 60 * scale; i++) big = big.multiply(BigInteger.valueOf(i)).add(big.shiftRight(3));
        System.out.println(hex(MessageDigest.getInstance("SHA-256").digest(big.toByteArray())) + " " + big.modPow(BigInteger.valueOf(65537), BigInteger.ONE.shiftLeft(521).subtract(BigInteger.ONE)).bitLength());
        double d = 0; float f = 0;
        for (int i = 1; i < 5000 * scale; i++) { d += StrictMath.sin(i) * StrictMath.exp(StrictMath.cos(i)) + Math.sqrt(i) + Math.fma(i, d, 1) % 3; f = f * 0.99f + i; }
        System.out.println(d + " " + f + " " + (int) 1e30 + " " + (long) Double.NaN + " " + (int) -1e30f);
        System.out.println(IntStream.range(0, 3000 * scale).parallel().mapToObj(Integer::toString).collect(Collectors.groupingBy(String::length, () -> new TreeMap<Integer, Long>(), Collectors.counting())));
        ExecutorService pool = Executors.newFixedThreadPool(4);
        ConcurrentHashMap<Integer, Integer> map = new ConcurrentHashMap<>();
        List<Future<Integer>> futures = new ArrayList<>();
        for (int t = 0; t < 8; t++) futures.add(pool.submit(() -> { for (int i = 0; i < 500 * scale; i++) map.merge(i % 997, 1, Integer::sum); return 1; }));
        int done = 0;
        for (Future<Integer> future : futures) done += future.get();
        pool.shutdown();
        System.out.println(done + " " + map.values().stream().mapToInt(i -> i).sum());
        List<byte[]> kept = new ArrayList<>();
        for (int i = 0; i < 400 * scale; i++) { kept.add(new byte[i % 5000]); if (i % 3 == 0) kept.remove(kept.size() / 2); if (i % 100 == 0) System.gc(); if (scale == 1 && i > 200) break; }
        System.out.println(kept.stream().mapToLong(b -> b.length).sum());
        StringBuilder words = new StringBuilder();
        for (int i = 0; i < 300 * scale; i++) words.append(Integer.toString(i * 7919, 36)).append(i % 2 == 0 ? "\u00e4" : " ");
        System.out.println(words.toString().toUpperCase().hashCode() + " " + words.indexOf("zz") + " " + words.reverse().toString().split("[ \u00e4]").length);
    }
}
