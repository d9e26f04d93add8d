// SPDX-License-Identifier: Apache-2.0
// Asks four servers over and over: asks PORTS ROUNDS WORKERS. Prints each exchange.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

var kinds = []string{"http", "llm", "redis", "sql"}
var ends = map[string]string{"http": "done", "llm": "}}}", "redis": "\r\nworth\r\n", "sql": "Z\x00\x00\x00\x05I"}

func monotonic() int64 {
	var now syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&now)), 0)
	return now.Nano()
}

func sized(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text)+4)), text...)
}

func question(kind string, number int) []byte {
	switch kind {
	case "http":
		return []byte(fmt.Sprintf("GET /items/exchange%04d HTTP/1.1\r\nHost: far\r\n\r\n", number))
	case "llm":
		body := fmt.Sprintf(`{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "word %d"}]}`, number)
		return []byte(fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: far\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	case "redis":
		return []byte(fmt.Sprintf("*2\r\n$3\r\nGET\r\n$9\r\nitem:%04d\r\n", number))
	}
	return append([]byte("Q"), sized(fmt.Sprintf("SELECT price FROM item WHERE id = %d\x00", number))...)
}

func exchange(link net.Conn, kind string, data []byte) {
	answer, room := []byte{}, make([]byte, 65536)
	link.Write(data)
	for !bytes.HasSuffix(answer, []byte(ends[kind])) {
		size, err := link.Read(room)
		if err != nil {
			panic(err)
		}
		answer = append(answer, room[:size]...)
	}
}

func main() {
	ports := strings.Split(os.Args[1], ",")
	rounds, _ := strconv.Atoi(os.Args[2])
	workers, _ := strconv.Atoi(os.Args[3])
	own := make([]map[string]net.Conn, workers)
	for worker := range own {
		own[worker] = map[string]net.Conn{}
		for at, kind := range kinds {
			link, err := net.Dial("tcp", "127.0.0.1:"+ports[at])
			if err != nil {
				panic(err)
			}
			own[worker][kind] = link
			if kind == "sql" {
				exchange(link, kind, sized("\x00\x03\x00\x00user\x00far\x00database\x00far\x00\x00"))
			}
		}
	}
	bufio.NewReader(os.Stdin).ReadString('\n')
	var all sync.WaitGroup
	for worker, links := range own {
		all.Add(1)
		go func() {
			defer all.Done()
			for number := worker * rounds; number < (worker+1)*rounds; number++ {
				for _, kind := range kinds {
					data, begin := question(kind, number), monotonic()
					exchange(links[kind], kind, data)
					os.Stdout.WriteString(fmt.Sprintf("%s %d %d %d\n", kind, number, begin, monotonic()))
				}
				time.Sleep(2 * time.Millisecond)
			}
		}()
	}
	all.Wait()
}
