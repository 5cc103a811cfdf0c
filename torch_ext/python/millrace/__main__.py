from millrace._cli import main

main()
