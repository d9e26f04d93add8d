// SPDX-License-Identifier: Apache-2.0

// A Go program without libc: files, a socket, goroutines and a child process.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			io.WriteString(connection, "hello")
			connection.Close()
		}
	}()
	var group sync.WaitGroup
	for i := 0; i < 20; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			connection, _ := net.Dial("tcp", listener.Addr().String())
			io.ReadAll(connection)
		}()
	}
	group.Wait()
	os.WriteFile("effect.txt", []byte("an effect\n"), 0o644)
	out, err := exec.Command("sh", "-c", "echo preload: ${LD_PRELOAD:-none}; exit 3").Output()
	fmt.Printf("%s%v, preload %q\n", out, err, os.Getenv("LD_PRELOAD"))
	os.Exit(9)
}
