#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the layout promises, checked: formatting, include floors, sizes, registries, licences, leaks.
set -u
cd "$(dirname "$0")/../.." || exit 2
bad=0
complain() {
	echo "lint: $*"
	bad=1
}
sources=$(git ls-files '*.c' '*.h' '*.cc')

# shellcheck disable=SC2086
clang-format --dry-run -Werror $sources || complain "formatting: run 'make format'"

# The floors: a folder may include only what stands after its name.
allow() {
	folder=$1
	shift
	pattern=$(printf '%s/|' "$folder" "$@" | sed 's/|$//')
	git ls-files "$folder/*.c" "$folder/*.h" "$folder/*.S" | while read -r file; do
		grep -n '^#include "' "$file" | grep -vE "\"($pattern|[a-z_0-9]+\.(h|def)\"|trace_raw\.pb-c\.h)" |
			sed "s|^|lint: $file: |"
	done
}
floors=$(
	allow wire
	allow lib wire
	allow bpf wire
	allow preload wire
	allow protocols wire lib
	allow loader wire lib protocols
	allow decoder wire lib
	allow analysis wire lib
)
[ -z "$floors" ] || { echo "$floors"; complain "includes against the floors of the house"; }

# Sizes.
for file in $(git ls-files '*.c' '*.h' '*.cc' '*.S' '*.py' '*.mjs'); do
	lines=$(wc -l <"$file")
	[ "$lines" -le 600 ] || complain "$file has $lines lines: split it where a reader would"
done
if command -v ctags >/dev/null; then
	# shellcheck disable=SC2086
	long=$(git ls-files '*.c' | xargs ctags -x --c-kinds=f --fields=+ne --_xformat='%{input} %N %n %e' 2>/dev/null |
		awk '$4-$3 > 100 {print "lint: " $1 ": " $2 " has " $4-$3 " lines"}')
	[ -z "$long" ] || { echo "$long"; complain "functions over 100 lines"; }
fi

# One home for each third-party header.
home() {
	header=$1
	shift
	found=$(git ls-files '*.c' '*.h' | grep -v '^tests/' | xargs grep -l "#include <$header>" | grep -vxF "$(printf '%s\n' "$@")")
	[ -z "$found" ] || complain "<$header> outside its home: $found"
}
home sqlite3.h decoder/store_sqlite.c analysis/model.c
home zstd.h loader/stream/trace_writer.c decoder/trace_reader.c protocols/content/encoding.c
home xxhash.h lib/checksum.c
home zlib.h lib/gzip.c protocols/content/encoding.c protocols/content/eventstream.c
home yaml.h loader/stream/prices.c decoder/class_rules.c lib/settings.c loader/symbols/catalog.c
home gelf.h loader/symbols/elf.c
home nghttp2/nghttp2.h protocols/content/hpack.c
home bpf/libbpf.h loader/kernel/programs.c loader/kernel/uprobe.c
home capstone/capstone.h loader/symbols/disasm.c

# A file without its registry line. A line without its file fails the link.
registered() {
	def=$1 pattern=$2 macro=$3
	for file in $(git ls-files "$pattern"); do
		stem=$(basename "$file" .c)
		name=${stem#*_}
		grep -qE "^$macro\($name\b" "$def" || complain "$file has no line in $def"
	done
}
[ ! -f preload/hooks/hooks.def ] || registered preload/hooks/hooks.def 'preload/hooks/hook_*.c' 'HOOKS'
[ ! -f analysis/exports/exports.def ] || registered analysis/exports/exports.def 'analysis/exports/export_*.c' 'EXPORT'
[ ! -f analysis/views/views.def ] || registered analysis/views/views.def 'analysis/views/view_*.c' 'VIEW'
for file in $(git ls-files 'bpf/probe_*.bpf.c'); do
	name=$(basename "$file" .bpf.c)
	grep -q "^PROBE(${name#probe_}," wire/probes.def || complain "$file has no line in wire/probes.def"
done
[ ! -f analysis/checks/checks.def ] || registered analysis/checks/checks.def 'analysis/checks/check_*.c' 'CHECK'
[ ! -f analysis/rules/rules.def ] || registered analysis/rules/rules.def 'analysis/rules/rule_*.c' 'RULE'
for file in $(git ls-files '*/cmd_*.c'); do
	name=$(basename "$file" .c)
	grep -q "^COMMAND(${name#cmd_}," commands.def || complain "$file has no line in commands.def"
done

# Event numbers are unique.
twice=$(sed -n 's/^EVENT(\([0-9]*\),.*/\1/p' wire/event.def | sort | uniq -d)
[ -z "$twice" ] || complain "event numbers used twice: $twice"

for file in $(git ls-files | grep -vE '\.(json|in|expect|lock|txt|bin|rtrace)$|^LICENSE|^\.gitignore|corpus/|\.clang-format|/README.md$|^README.md$|package'); do
	head -n 4 "$file" | grep -q 'SPDX-License-Identifier' || case $file in
	docs/man/*|docs/*.md) ;;
	*) complain "$file has no SPDX line" ;;
	esac
done
! git grep -nE '^(<<<<<<<|>>>>>>>) ' -- . || complain "merge marks"
! git grep -nIE '"resolved": *"http|registry *= *"http|index-url +http' -- . ':!tests/lint/lint.sh' || complain "a lock file names a registry host"
if command -v codespell >/dev/null; then
	git ls-files | grep -vE 'corpus/|\.lock$|requirements.*\.txt$|package-lock' | xargs codespell -L 'crate,ans,te,fo,wit,nd,ot,ba,parm,clen,socio-economic' || complain "spelling"
fi
[ "$bad" = 0 ] && echo "lint: clean"
exit $bad
