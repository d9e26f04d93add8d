#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The shim beside other libraries, other C libraries, and where it cannot or must not go.
set -u
run=$BUILD/programs/shim_run
cd "$TMP" || exit 2
bad=0
done_cases=0

fail() {
	echo "FAILED: $*"
	bad=1
}

# expect NAME: the command's standard output is in out, its errors in err, the records in records
expect() {
	name=$1 status=$2 output=$3
	done_cases=$((done_cases + 1))
	[ "$status" = 0 ] || fail "$name: status $status: $(cat err)"
	[ "$(cat out)" = "$output" ] || fail "$name: printed '$(cat out)', not '$output'"
	[ ! -s err ] || fail "$name: errors: $(cat err)"
}
count() {
	sed -n "s/^$1 //p" records
}
has() {
	[ "$(count "$2")" -"$3" "$4" ] 2>/dev/null || fail "$1: $2 is '$(count "$2")', not -$3 $4"
}

# It needs nothing of which a C library may be without, and names no library at all.
[ -z "$(nm -D --undefined-only "$BUILD/libragtime.so" | grep -v ' w ')" ] || fail "it needs a symbol that may be missing"
[ -z "$(readelf -d "$BUILD/libragtime.so" | grep NEEDED)" ] || fail "it needs a library"

# A user's own allocator stays first, in the program and in what it starts.
for allocator in /usr/lib/x86_64-linux-gnu/libjemalloc.so.2 /usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4; do
	[ -e "$allocator" ] || { echo "skipped: no $allocator"; continue; }
	"$run" records "$allocator" /bin/sh -c "echo \$LD_PRELOAD; /bin/sh -c 'echo \$LD_PRELOAD; grep -c -m1 $allocator /proc/self/maps'" >out 2>err
	expect "$allocator" $? "$allocator
$allocator
1"
	has "$allocator" process_start ge 3
	has "$allocator" untraced eq 0
done

# The program's libraries are searched by the run path of the object that asks for them.
mkdir hidden
cat >inner.c <<'END'
int answer(void) { return 42; }
END
cat >outer.c <<'END'
#include <dlfcn.h>
#include <stddef.h>
int ask(void)
{
	void *inner = dlopen("libinner.so", RTLD_NOW);
	int (*answer)(void) = inner ? (int (*)(void))dlsym(inner, "answer") : NULL;
	return answer ? answer() : 0;
}
END
cat >asker.c <<'END'
#include <stdio.h>
int ask(void);
int main(void) { printf("%d\n", ask()); return 0; }
END
gcc -shared -fPIC -o hidden/libinner.so inner.c &&
	gcc -shared -fPIC -o libouter.so outer.c -Wl,-rpath,"$TMP/hidden" &&
	gcc -o asker asker.c -L. -louter -Wl,-rpath,"$TMP" || exit 2
"$run" records "" "$TMP/asker" >out 2>err
expect "run path" $? 42
has "run path" dlopen eq 1

# An ASan program refuses to start behind another library: it is started without us.
cat >plain.c <<'END'
#include <stdio.h>
int main(void) { puts("42"); return 0; }
END
gcc -fsanitize=address -o sanitized plain.c 2>/dev/null && {
	"$run" records "" /bin/sh -c "$TMP/sanitized" >out 2>err
	expect "AddressSanitizer" $? 42
	has "AddressSanitizer" untraced eq 1
}
gcc -fsanitize=address -static-libasan -rdynamic -o sanitized plain.c 2>/dev/null && {
	"$run" records "" /bin/sh -c "$TMP/sanitized" >out 2>err
	expect "AddressSanitizer, static" $? 42
	has "AddressSanitizer, static" untraced eq 1
}

# In another root our files are not there: no word of it in the program's streams.
if [ "$(id -u)" = 0 ]; then
	mkdir -p root/bin
	for file in /bin/echo $(ldd /bin/echo | grep -o '/[^ ]*'); do
		mkdir -p "root$(dirname "$file")" && cp "$file" "root$file"
	done
	"$run" records "" /usr/sbin/chroot root /bin/echo "in a root" >out 2>err
	expect "chroot" $? "in a root"
	has "chroot" untraced eq 1
else
	echo "skipped: chroot needs root"
fi

# A script is as good as its interpreter; env -i as good as none.
printf '#!/bin/sh\necho script\n' >script
chmod +x script
"$run" records "" /usr/bin/env -i ./script >out 2>err
expect "env -i of a script" $? script
has "env -i of a script" process_start eq 2

# A program that closes every descriptor.
"$run" records "" /bin/bash -c 'for fd in $(ls /proc/self/fd); do [ $fd -lt 3 ] || eval "exec $fd>&-"; done; /bin/echo closed' >out 2>err
expect "all descriptors closed" $? closed
has "all descriptors closed" process_start ge 3

# The other C library.
if command -v musl-gcc >/dev/null; then
	cat >musl.c <<'END'
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *run(void *none) { (void)!read(0, none, 0); return none; }
int main(void)
{
	pthread_t thread;
	int status;
	pid_t child;
	pthread_create(&thread, NULL, run, NULL);
	pthread_join(thread, NULL);
	child = fork();
	if (!child) { (void)!write(1, "child\n", 6); _exit(0); }
	waitpid(child, &status, 0);
	for (char **v = environ; *v; v++)
		if (strstr(*v, "ragtime") || strstr(*v, "RAGTIME"))
			return 1;
	execl("/bin/echo", "echo", "glibc", NULL);
	return 2;
}
END
	musl-gcc -o musl musl.c || exit 2
	"$run" records "" "$TMP/musl" >out 2>err
	expect "musl" $? "child
glibc"
	has "musl" process_start eq 3
	has "musl" thread_start eq 1
	has "musl" thread_exit eq 1
	has "musl" fork eq 1
else
	echo "skipped: no musl-gcc"
fi

echo "$done_cases cases"
exit $bad
