# Holds one server for a process that may end at any moment and in any way, kill -9 included: then
# the system closes the pipe that is our standard input.
#
# Arguments: the directory that goes with the server, the signal that stops it, its command.
# Orders come line by line on standard input and are answered by a line each.
directory=$1 signal=$2
shift 2
server=

start() {
    "$@" </dev/null >>"$directory/log" 2>&1 &
    server=$!
}

is_running() {
    jobs >/dev/null # has the shell notice who has ended
    [ -n "$server" ] && kill -0 "$server" 2>/dev/null
}

# As if the power had gone: all its processes at once. A stopped server starts no more of them.
crash() {
    is_running || return
    kill -STOP "$server"
    children=$(cat "/proc/$server/task/$server/children" 2>/dev/null)
    kill -KILL $children "$server" 2>/dev/null
    wait "$server"
    for child in $children; do
        while [ -e "/proc/$child/exe" ]; do sleep 0.01; done
    done
    server=
}

# Who does not stop within 20 seconds is killed.
stop() {
    is_running || return
    kill -s "$signal" "$server"
    tenths=0
    while is_running && [ "$tenths" -lt 200 ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    crash
    server=
}

leave() {
    trap '' HUP INT TERM
    stop
    rm -rf "$directory"
}

trap leave EXIT
trap exit HUP INT TERM
trap : PIPE # an answer that nobody waits for any more must not be the end of us

while read -r order; do
    case $order in
        start) start "$@" && echo started ;;
        running) if is_running; then echo yes; else echo no; fi ;;
        crash) crash; echo crashed ;;
        stop) stop; echo stopped ;;
    esac
done
