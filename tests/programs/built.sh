# What the suite's programs need compiled. Sourced by disk.sh, with 'root', 'project', 'cache' and 'names' set.

wants() { [[ " ${names[*]} " == *" $1 "* ]]; }

if wants cxx; then
  g++ -std=c++20 -O1 -pthread -o "$root/suite/built/exceptions-dynamic" "$root/suite/sources/exceptions.cc"
  g++ -std=c++20 -O1 -pthread -static -o "$root/suite/built/exceptions-static" "$root/suite/sources/exceptions.cc"
fi

if wants java; then
  "$project/bench/guest/programs/native.sh" "$root" /usr/bin/javac -d /suite/built /suite/sources/Programs.java
fi

if wants dotnet; then
  dotnet publish "$project/bench/guest/programs/workload" -c Release -v q "-p:PublishDir=$root/suite/workload/" >&2
fi

# The sources of a Debian package, from where the host's package lists come from.
source_package() {
  local state=$cache/source
  mkdir -p "$state"/lists/partial
  [ -e "$state/sources.list.d" ] || {
    mkdir "$state/sources.list.d"
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
      [ ! -f "$file" ] || sed 's/^Types: deb$/Types: deb-src/; s/^deb /deb-src /' "$file" > "$state/sources.list.d/$(basename "$file")"
    done
  }
  local options=(-q -q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$state/sources.list.d" -o "Dir::State::lists=$state/lists"
    -o APT::Sandbox::User=root -o Acquire::Languages=none -o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache=)
  ls "$state"/lists/*Sources* >/dev/null 2>&1 || apt-get "${options[@]}" update >&2 || fail "no list of source packages" 4
  (cd "$2" && apt-get "${options[@]}" source --download-only --tar-only "$1" >&2 && tar -xf "$1"_*.orig.tar.* --strip-components=1) \
    || fail "cannot download the sources of '$1'" 4
}

# compiled NAME: a folder for what a function of that name compiles, kept for as long as this file stays as it is.
compiled() {
  local folder
  folder=$cache/compiled-$1-$(sha256sum < "$here/built.sh" | cut -c 1-16)
  if [ ! -d "$folder" ]; then
    rm -rf "$cache/compiled-$1"-* "$cache/work.$1"
    mkdir "$cache/work.$1" "$cache/work.$1/result"
    "$1" "$cache/work.$1" "$cache/work.$1/result" >&2 || fail "cannot compile '$1': see above" 5
    mv "$cache/work.$1/result" "$folder"
    rm -rf "$cache/work.$1"
  fi
  echo "$folder"
}

mpfr_tests() {
  source_package mpfr4 "$1" \
    && (cd "$1" && ./configure -q --enable-static --disable-shared CFLAGS=-O2 && make -s -j2 && make -s -j2 -C tests check TESTS=) \
    && find "$1/tests" -maxdepth 1 \( -name '*.dat' -o -name 't*' -type f -perm -u+x \) ! -name '*.sh' -exec cp {} "$2" \;
}

openssl_tests() {
  source_package openssl "$1" \
    && (cd "$1" && ./Configure --libdir=lib no-shared no-asm linux-x86_64 && make -s build_generated \
      && rm test/testutil/test_{cleanup,options}.c \
      && gcc -O1 -w -Iinclude -Itest -Iapps/include -I. -o evp_test test/evp_test.c test/testutil/*.c apps/lib/opt.c -lcrypto -lssl) > "$1/log" \
    && cp "$1"/evp_test "$1"/test/recipes/30-test_evp_data/*.txt "$2"
}

if wants mpfr-tests; then
  cp -r "$(compiled mpfr_tests)" "$root/suite/mpfr"
fi

if wants openssl-tests; then
  cp -r "$(compiled openssl_tests)" "$root/suite/openssl"
fi
