/* SPDX-License-Identifier: Apache-2.0 */
/* A program without a dynamic linker, which the shim cannot enter. flags: -static */
int main(void)
{
	return 0;
}
