/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call reported, for ring.pml: included once as the main flow, where STRIKE may run a signal
 * handler, and once as that handler, where it does nothing. fresh and was_busy: variables of that flow.
 */
inline EMIT(fresh, was_busy)
{
	STRIKE;
	atomic {
		sent[me]++;
		was_busy = busy && DEFECT != 5;
		if
		:: was_busy -> nested[me]++
		:: else -> busy = true
		fi
	}
	if
	:: was_busy
	:: else ->
		STRIKE;
		if
		:: chunk == NONE || at == RECORDS ->
			claim(fresh);
			STRIKE;
			if
			:: fresh == NONE ->
				lost[me]++
			:: else ->
				if
				:: chunk == NONE ->
					first[me] = fresh
				:: else ->
					next[chunk] = fresh;
					LATE_HEAD
				fi;
				atomic { chunk = fresh; at = 0 }
			fi
		:: else
		fi;
		STRIKE;
		if
		:: chunk != NONE && at < RECORDS ->
			EARLY_HEAD;
			low[chunk * RECORDS + at] = number;
			STRIKE;
			high[chunk * RECORDS + at] = number;
			STRIKE;
			atomic { number++; at++; RIGHT_HEAD }
		:: else
		fi;
		STRIKE;
		busy = false
	fi
}
