package wordpress
import ("testing";"fmt";"strings";"time")
func TestExplain(t *testing.T){
 s:=newSite(t)
 var b strings.Builder
 b.WriteString("INSERT INTO wp_usermeta (user_id, meta_key, meta_value) SELECT seq DIV 20 + 100, IF(seq MOD 20=0,'session_tokens',CONCAT('k',seq MOD 20)), 'x' FROM seq_1_to_200000")
 s.exec(t,b.String())
 s.exec(t,"INSERT INTO wp_users (ID,user_login) SELECT seq+100, CONCAT('u',seq) FROM seq_1_to_10000")
 s.exec(t,"ANALYZE TABLE wp_usermeta, wp_users")
 for _,u:=range []string{"demo.user","u500","nobody"}{
 rows,err:=s.db.SQL.Queryx("EXPLAIN "+s.logins.query,u)
 if err!=nil{t.Fatal(err)}
 for rows.Next(){ m,_:=rows.SliceScan(); for _,x:=range m { fmt.Printf("%s ",x)}; fmt.Println() }
 st:=time.Now()
 for range 500 { s.logins.account(t.Context(),u) }
 fmt.Println(u,time.Since(st)/500)
 }
 src:=testdata(t,"handmade.php")
 st:=time.Now(); ParseConfig(src,nil); fmt.Println("parse",time.Since(st)); 
}
