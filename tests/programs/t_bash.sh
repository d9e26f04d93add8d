#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pipelines, process substitution, here documents, traps, coprocesses, background jobs, subshells.
set -o pipefail
seq 1 1000 | grep 7 | sort -rn | head -n 3 | tr '\n' ' '
echo "pipe: ${PIPESTATUS[*]}"
diff <(seq 5) <(seq 2 6) | cat
cat <<TEXT | tr a-z A-Z
here is a document
TEXT
trap 'echo "usr1 trapped"' USR1
kill -USR1 $BASHPID
coproc UPPER { while read -r line; do echo "${line^^}"; done; }
echo hello >&"${UPPER[1]}"
read -r answer <&"${UPPER[0]}"
echo "coprocess: $answer"
eval "exec ${UPPER[1]}>&-"
wait
for i in 1 2 3; do (sleep 0.0$i; exit $i) & done
for job in $(jobs -p); do wait "$job"; echo "job: $?"; done
(exec 3<>/dev/null; echo in a subshell >&3; ls /proc/self/fd | tr '\n' ' '; echo)
exec 9>file.txt; echo kept >&9; exec 9>&-
sleep 60 & kill $!; wait $! 2>/dev/null; echo "killed: $?"
(sh -c "kill -SEGV \$\$") 2>/dev/null; echo "segv: $?"
no-such-command 2>/dev/null; echo "missing: $?"
env -i /bin/sh -c 'echo "preload in an empty environment: ${LD_PRELOAD:-none}"'
echo "preload: ${LD_PRELOAD:-none} ${RAGTIME_REGION:-none}"
trap 'echo leaving with $?' EXIT
exit 17
