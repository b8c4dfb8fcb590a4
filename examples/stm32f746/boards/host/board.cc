// No board: the same application as a Linux program, whose UART is a TCP port.
//
//   device [PORT]
//
// Listens on 127.0.0.1 (PORT 0 or none: any free one), prints where, and serves one host after
// the other, as a board does while cables come and go.

#include "examples/stm32f746/board.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace board {
namespace {

int listener = -1;
int connection = -1;
uint8_t received[4096];
size_t received_bytes = 0;
size_t taken_bytes = 0;

[[noreturn]] void Die(const char* what) {
  perror(what);
  exit(1);
}

void Accept() {
  connection = accept(listener, nullptr, nullptr);
  if (connection < 0) Die("accept");
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void HangUp() {
  close(connection);
  connection = -1;
}

int64_t Microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000000 + now.tv_nsec / 1000;
}

}  // namespace

void Init(int argc, char** argv) {
  listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(argc > 1 ? static_cast<uint16_t>(atoi(argv[1])) : uint16_t{0});
  socklen_t size = sizeof(address);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0) Die("bind");
  if (listen(listener, 1) != 0) Die("listen");
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  printf("socket://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);
}

bool ReadByte(uint8_t* byte) {
  if (connection < 0) Accept();
  if (taken_bytes == received_bytes) {
    const ssize_t count = recv(connection, received, sizeof(received), MSG_DONTWAIT);
    taken_bytes = received_bytes = 0;
    if (count == 0) HangUp();
    if (count <= 0) return false;
    received_bytes = static_cast<size_t>(count);
  }
  *byte = received[taken_bytes++];
  return true;
}

void Write(const uint8_t* data, size_t size) {
  while (connection >= 0 && size > 0) {
    const ssize_t count = send(connection, data, size, MSG_NOSIGNAL);
    if (count <= 0) return HangUp();
    data += count;
    size -= static_cast<size_t>(count);
  }
}

uint32_t Milliseconds() { return static_cast<uint32_t>(Microseconds() / 1000); }

uint32_t Ticks() { return static_cast<uint32_t>(Microseconds()); }
uint32_t TicksPerSecond() { return 1'000'000; }

void Idle() {
  pollfd waiting{connection, POLLIN, 0};
  if (connection >= 0) poll(&waiting, 1, 1);
}

uint32_t StackBytes() { return 0; }
uint32_t StackUsedBytes() { return 0; }

}  // namespace board
